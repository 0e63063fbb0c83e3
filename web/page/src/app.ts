// The page: one scene, or two side by side, with all that a person can do to them.

import type { Edit } from "../../dist/index.js";
import { doer } from "./doing.js";
import { Editing } from "./editing.js";
import { megabytes } from "./files.js";
import { middleOf, type ShownObject, type Whole } from "./look.js";
import type { Pinhole, Told } from "./messages.js";
import { find, Panel } from "./panel.js";
import { Picture, type Found } from "./picture.js";
import type { FirstPicture } from "./scene_view.js";
import { arriving, compare, entitle, fail, invite, report, say, wordsOf } from "./shell.js";

export class App {
  readonly picture: Picture;
  readonly editing: Editing;
  readonly panel: Panel;
  #told: Told | undefined;
  #name = "scene.csg";
  #bytes: readonly [bytes: number, all: number] = [0, 0];

  /** @throws NoWebGl The browser cannot draw it. */
  constructor(
    readonly address: string | undefined,
    readonly compared: string | undefined,
    encodes: string | undefined,
  ) {
    const listener = {
      bytes: (bytes: number, all: number) => this.#came(bytes, all),
      progress: (share: number) => report(`decoding ${Math.round(100 * share)} %`, share),
      scene: (told: Told) => this.#know(told),
      objects: (objects: readonly ShownObject[], wholes: readonly Whole[]) => this.editing.know(objects, wholes),
      changed: () => this.picture.changed(),
      failed: (message: string) => this.#failed(message),
    };
    const otherFailed = (message: string): void => say(`Of the file to compare with, not all is here. ${message}`);
    this.picture = new Picture(listener, compared !== undefined, otherFailed, (edit, done) => this.editing.drag(edit, done));
    this.editing = new Editing({
      look: (edits, hidden) => this.picture.view.look(edits, hidden),
      listed: () => this.#list(),
    });
    this.panel = new Panel(find(document, "#panel"), {
      select: (id, also) => this.editing.select(id, also),
      focus: (id) => this.focus([id]),
      setHidden: (id, hidden) => this.editing.hide([id], hidden),
      isolate: (id) => this.editing.isolate([id]),
      rename: (id, name) => this.make({ do: "rename", objects: [id], name }),
    }, encodes);
    doer(this);
  }

  async start(): Promise<void> {
    if (this.address === undefined) return invite();
    await this.open(new URL(this.address, document.baseURI).href, fileOf(this.address));
    if (this.compared !== undefined) await this.#compare(this.compared);
  }

  /** Show a second file beside the first; if it cannot be shown, the first stays. */
  async #compare(address: string): Promise<void> {
    const { comparison } = this.picture;
    if (comparison === undefined) return;
    const name = fileOf(address);
    try {
      await comparison.view.open(new URL(address, document.baseURI).href);
      comparison.name = name;
      this.#label();
      this.picture.moved();
    } catch (error) {
      say(`${name}, to compare with, cannot be shown. ${wordsOf(error)}`);
    }
  }

  #label(): void {
    const { comparison } = this.picture;
    if (!comparison?.name) return;
    const [left, right] = [this.#bytes[1], comparison.view.size].map(megabytes);
    compare(`${this.#name} · ${left}`, `${comparison.name} · ${right}`);
  }

  /** Show a file, given by its address or chosen by a person; answers once there is something to see. */
  async open(source: string | Blob, name: string): Promise<void> {
    [this.#name, this.#told] = [name, undefined];
    report("fetching");
    const told = await this.picture.view.open(source);
    this.editing.begin(told.edits);
    this.picture.begin(told);
    this.#label();
    report("");
  }

  // ---- what other scripts may ask for -----------------------------------------------------------------------------
  get name(): string {
    return this.#name;
  }

  get told(): Told | undefined {
    return this.#told;
  }

  /** How soon there was something to see. */
  get firstPicture(): FirstPicture | undefined {
    return this.picture.view.firstPicture;
  }

  get objects(): readonly ShownObject[] {
    return this.editing.objects;
  }

  get edits(): readonly Edit[] {
    return this.editing.edits;
  }

  get selected(): readonly number[] {
    return this.editing.selected;
  }

  /** Look from a camera of one's own, until somebody moves; its picture has exactly that size. */
  look(camera: Pinhole | undefined): void {
    this.picture.look(camera);
  }

  /** Red, green, blue, 255 of each pixel, once all is there. */
  pixels(): Promise<Uint8Array> {
    return this.picture.pixels();
  }

  pick(x: number, y: number): Promise<Found> {
    return this.picture.pick(x, y);
  }

  select(id: number, also = false): void {
    this.editing.select(id, also);
    if (this.objects.some((object) => object.id === id)) this.panel.reveal(id);
  }

  make(...edits: readonly Edit[]): void {
    this.editing.make(...edits);
  }

  undo(): void {
    this.editing.undo();
  }

  redo(): void {
    this.editing.redo();
  }

  saved(): Promise<Uint8Array> {
    return this.picture.view.save(this.edits);
  }

  /** Turn towards objects. */
  focus(ids: readonly number[]): void {
    const chosen = this.objects.filter(({ id }) => ids.includes(id));
    if (chosen.length > 0) this.picture.fly((flight) => flight.focusOn(middleOf(chosen)));
  }

  // ---- what becomes known ------------------------------------------------------------------------------------------
  #came(bytes: number, all: number): void {
    this.#bytes = [bytes, all];
    if (this.#told === undefined) report(`${megabytes(bytes)} of ${megabytes(all)}`, bytes / all);
    else if (!this.#told.whole) arriving(bytes, all);
  }

  #know(told: Told): void {
    this.#told = told;
    const [bytes, all] = this.#bytes;
    entitle(told, this.#name, all);
    this.panel.encodedBy(told.textEncoder);
    arriving(told.whole ? all : bytes, all);
    if (told.cut && told.whole) say("The file ends early: its objects are missing. Fetch it again to have them.");
    this.picture.changed();
  }

  #failed(message: string): void {
    if (this.#told?.whole === false) {
      document.body.classList.remove("arriving");
      document.body.classList.add("broken");
      say(`Not all of this scene is here. ${message}`);
    } else say(message);
  }

  #list(): void {
    const { objects, selected, hidden, chosen, canUndo, canRedo } = this.editing;
    this.panel.show(objects, selected, hidden);
    this.picture.chosen = chosen;
    document.body.classList.toggle("chosen", selected.length > 0);
    document.body.classList.toggle("unsaved", this.editing.unsaved);
    const { larger, smaller } = this.editing;
    document.body.classList.toggle("parted", larger !== undefined || smaller !== undefined);
    const able = { undo: canUndo, redo: canRedo, larger: larger !== undefined, smaller: smaller !== undefined };
    for (const [name, can] of Object.entries(able)) {
      document.querySelector<HTMLButtonElement>(`[data-do="${name}"]`)!.disabled = !can;
    }
    this.picture.changed();
  }
}

/** The name at the end of an address. */
function fileOf(address: string): string {
  const last = address.split(/[?#]/)[0]!.split("/").filter(Boolean).at(-1) ?? "scene.csg";
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

declare global {
  interface Window {
    /** For tests, and for pages that embed this one. */
    csg: App;
  }
}

try {
  const asked = new URLSearchParams(location.search);
  const told = document.body.dataset;
  const app = new App(asked.get("scene") ?? told["scene"], asked.get("compare") ?? told["compare"], asked.get("encode") ?? undefined);
  window.csg = app;
  const next = (time: number): void => {
    app.picture.frame(time);
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
  app.start().catch(fail);
} catch (error) {
  fail(error);
}
