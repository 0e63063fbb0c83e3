// The page: one scene, or two side by side, with all that a person can do to them.

import type { Edit } from "../../dist/index.js";
import { Flight } from "./flight.js";
import { Gizmo, type Tool } from "./gizmo.js";
import { History } from "./history.js";
import { actionOf, FLY_KEYS } from "./keys.js";
import { fetched, handOver, megabytes } from "./loading.js";
import { middleOf, type ShownObject } from "./look.js";
import type { Vector } from "./maths.js";
import type { Pinhole, Told } from "./messages.js";
import { find, Panel } from "./panel.js";
import { listen } from "./pointers.js";
import { Ruler } from "./ruler.js";
import { SceneView } from "./scene_view.js";
import { compare, entitle, fail, invite, report, say } from "./shell.js";

const LINE: Vector = [1, 0.62, 0.1];
const SHARPEST = 1.5;
const FLY = 0.9;
class App {
  readonly #stage = find(document, "#stage");
  readonly #view: SceneView;
  readonly #other: SceneView | undefined;
  readonly #gizmo: Gizmo;
  readonly #panel: Panel;
  readonly #keys = new Set<string>();
  readonly #hidden = new Set<number>();
  #told: Told | undefined;
  #flight: Flight | undefined;
  #history: History | undefined;
  #objects: readonly ShownObject[] = [];
  #selected: number[] = [];
  #tool: Tool = "select";
  #preview: Edit | undefined;
  #fixed: Pinhole | undefined;
  readonly #ruler = new Ruler();
  #asked = false;
  #dirty = true;
  #time = 0;
  #name = "scene.csg";

  constructor(readonly address: string | undefined, readonly compared: string | undefined) {
    const canvas = find(document, "#scene") as HTMLCanvasElement;
    const listener = {
      progress: (share: number) => report(`decoding ${Math.round(100 * share)} %`, share),
      objects: (objects: readonly ShownObject[]) => this.#know(objects),
      changed: () => (this.#dirty = true),
      failed: (message: string) => say(message),
    };
    this.#view = new SceneView(canvas, listener);
    if (compared !== undefined) {
      const quiet = { ...listener, progress: () => undefined, objects: () => undefined };
      this.#other = new SceneView(find(document, "#other") as HTMLCanvasElement, quiet);
    }
    this.#gizmo = new Gizmo(document.querySelector<SVGSVGElement>("#gizmo")!, (edit, done) => this.#drag(edit, done));
    this.#panel = new Panel(find(document, "#panel"), {
      select: (id, also) => this.select(id, also),
      focus: (id) => this.#focus([id]),
      setHidden: (id, hidden) => this.#hide([id], hidden),
      isolate: (id) => this.#isolate([id]),
      rename: (id, name) => this.make({ do: "rename", objects: [id], name }),
    });
    this.#listen();
  }

  async start(): Promise<void> {
    if (this.address === undefined) return invite();
    const [bytes, other] = await Promise.all([this.address, this.compared].map((one) => one === undefined ? undefined : fetchShown(one)));
    if (bytes === undefined) return;
    const size = bytes.byteLength;
    await this.open(bytes, fileOf(this.address));
    if (this.#other && other) {
      compare(`${this.#name} ${megabytes(size)}`, `${fileOf(this.compared ?? "")} ${megabytes(other.byteLength)}`);
      await this.#other.open(other);
      this.#moved();
    }
  }

  /** Show a file. */
  async open(bytes: ArrayBuffer, name: string): Promise<void> {
    const size = bytes.byteLength;
    report("decoding");
    const told = await this.#view.open(bytes);
    [this.#told, this.#name] = [told, name];
    const { focus, radius, height } = told;
    const start = { focus, distance: Math.hypot(radius, height), around: 0, above: Math.atan2(height, radius) };
    this.#flight = new Flight(told.up, start);
    this.#flight.fromText(new URLSearchParams(location.hash.slice(1)).get("camera") ?? "");
    this.#history = new History(told.edits, () => this.#edited());
    [this.#selected, this.#fixed] = [[], undefined];
    this.#hidden.clear();
    entitle(told, this.#name, size);
    if (told.cut) say("The file ends early: its objects are missing. Fetch it again to have them.");
    report("");
    this.#moved();
  }

  // ---- what other scripts may ask for -----------------------------------------------------------------------------
  get told(): Told | undefined {
    return this.#told;
  }

  get objects(): readonly ShownObject[] {
    return this.#objects;
  }

  get edits(): readonly Edit[] {
    return this.#history?.edits ?? [];
  }

  get selected(): readonly number[] {
    return this.#selected;
  }

  /** Look from a camera of one's own, until somebody moves; its picture has exactly that size. */
  look(camera: Pinhole | undefined): void {
    this.#fixed = camera;
    this.#moved();
  }

  /** Red, green, blue, 255 of each pixel, once colours are settled. */
  async pixels(): Promise<Uint8Array> {
    await this.#view.settled(this.#camera());
    this.#draw();
    return this.#view.pixels();
  }

  pick(x: number, y: number): ReturnType<SceneView["pick"]> {
    return this.#view.pick(this.#camera(), x, y);
  }

  select(id: number, also = false): void {
    const has = this.#selected.includes(id);
    if (also) this.#selected = has ? this.#selected.filter((one) => one !== id) : [...this.#selected, id];
    else this.#selected = id > 0 ? [id] : [];
    this.#list();
    const [object] = this.#objects.filter((one) => one.id === id);
    if (object) find(document, `[data-id="${id}"]`).scrollIntoView({ block: "nearest" });
  }

  make(...edits: readonly Edit[]): void {
    this.#history?.make(...edits);
  }

  undo(): void {
    this.#history?.undo();
  }

  redo(): void {
    this.#history?.redo();
  }

  saved(): Promise<Uint8Array> {
    return this.#view.save(this.edits);
  }

  // ---- the picture -------------------------------------------------------------------------------------------------
  frame(time: number): void {
    const seconds = Math.min(0.1, (time - this.#time) / 1000);
    this.#time = time;
    if (this.#keys.size > 0 && this.#flight) {
      const sum = [...this.#keys].map((key) => FLY_KEYS[key]!).reduce((a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
      this.#flight.fly(sum[0] * FLY * seconds, sum[1] * FLY * seconds, sum[2] * FLY * seconds);
      this.#moved();
    }
    if (!this.#flight || !this.#told) return;
    if (this.#asked) {
      this.#asked = false;
      const camera = this.#camera();
      this.#view.see(camera);
      this.#other?.see(camera);
      this.#dirty = true;
    }
    if (this.#dirty) this.#draw();
  }

  #draw(): void {
    if (!this.#told) return;
    this.#dirty = false;
    const camera = this.#camera();
    const style = { background: this.#told.background, selected: this.#selected.at(-1) ?? 0, line: LINE, thickness: Math.round(camera.height / 400) + 1 };
    this.#view.draw(camera, style);
    this.#other?.draw(camera, { ...style, selected: 0 });
    const chosen = this.#objects.filter(({ id }) => this.#selected.includes(id));
    const scale = camera.width / (this.#stage.clientWidth || camera.width);
    this.#gizmo.show(this.#tool, camera, scale, this.#told.up, chosen.length > 0 ? middleOf(chosen) : undefined, chosen.map(({ id }) => id));
    this.#ruler.show(camera, scale, this.#told.unit);
  }

  #camera(): Pinhole {
    if (this.#fixed) return this.#fixed;
    const sharp = Math.min(SHARPEST, devicePixelRatio || 1);
    const [width, height] = [this.#stage.clientWidth, this.#stage.clientHeight].map((size) => Math.max(1, Math.round(size * sharp)));
    return this.#flight!.pinhole(width!, height!);
  }

  #moved(): void {
    this.#asked = true;
  }

  // ---- objects and edits -------------------------------------------------------------------------------------------
  #know(objects: readonly ShownObject[]): void {
    this.#objects = objects;
    this.#selected = this.#selected.filter((id) => objects.some((object) => object.id === id));
    this.#list();
  }

  #list(): void {
    this.#panel.show(this.#objects, this.#selected, this.#hidden);
    const chosen = this.#selected.length > 0;
    document.body.classList.toggle("chosen", chosen);
    const undo = document.querySelector<HTMLButtonElement>('[data-do="undo"]')!;
    const redo = document.querySelector<HTMLButtonElement>('[data-do="redo"]')!;
    [undo.disabled, redo.disabled] = [!this.#history?.canUndo, !this.#history?.canRedo];
    this.#dirty = true;
  }

  #edited(): void {
    const edits = this.#preview ? [...this.edits, this.#preview] : this.edits;
    this.#view.look(edits, [...this.#hidden]);
    this.#list();
  }

  #drag(edit: Edit | undefined, done: boolean): void {
    if (done) {
      this.#preview = undefined;
      if (edit) this.make(edit);
      else this.#edited();
      this.#dirty = true;
      return;
    }
    this.#preview = edit;
    this.#edited();
  }

  #hide(ids: readonly number[], hidden: boolean): void {
    for (const id of ids) {
      if (hidden) this.#hidden.add(id);
      else this.#hidden.delete(id);
    }
    this.#edited();
  }

  #isolate(ids: readonly number[]): void {
    const others = this.#objects.map(({ id }) => id).filter((id) => !ids.includes(id));
    const already = others.length > 0 && others.every((id) => this.#hidden.has(id));
    this.#hidden.clear();
    if (!already) for (const id of others) this.#hidden.add(id);
    this.#edited();
  }

  #focus(ids: readonly number[]): void {
    const chosen = this.#objects.filter(({ id }) => ids.includes(id));
    if (chosen.length === 0) return;
    this.#flight?.focusOn(middleOf(chosen));
    this.#moved();
  }

  // ---- what people do ----------------------------------------------------------------------------------------------
  #listen(): void {
    const sharp = (): number => this.#camera().width / (this.#stage.clientWidth || 1);
    listen(find(document, "#scene"), {
      turn: (dx, dy) => this.#fly((flight) => flight.turn(dx, dy)),
      pan: (dx, dy) => this.#fly((flight) => flight.pan(dx, dy, this.#stage.clientHeight)),
      zoom: (factor) => this.#fly((flight) => flight.zoom(factor)),
      click: (x, y, also) => void this.#click(x * sharp(), y * sharp(), also),
      doubleClick: (x, y) => void this.#approach(x * sharp(), y * sharp()),
    });
    addEventListener("resize", () => this.#moved());
    addEventListener("blur", () => this.#keys.clear());
    addEventListener("keydown", (event) => this.#key(event));
    addEventListener("keyup", (event) => this.#keys.delete(event.code));
    document.addEventListener("click", (event) => {
      const told = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-do]") : null;
      if (told) this.#do(told.dataset["do"]!);
    });
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) void file.arrayBuffer().then((bytes) => this.open(bytes, file.name)).catch(fail);
    });
    const divider = find(document, "#divider") as HTMLInputElement;
    divider.addEventListener("input", () => this.#stage.style.setProperty("--divider", `${divider.value}%`));
    const picker = find(document, "#file") as HTMLInputElement;
    picker.addEventListener("change", () => {
      const file = picker.files?.[0];
      if (file) void file.arrayBuffer().then((bytes) => this.open(bytes, file.name)).catch(fail);
    });
    const colour = find(document, "#colour") as HTMLInputElement;
    colour.addEventListener("change", () => {
      const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.value.slice(at, at + 2), 16) / 255);
      if (this.#selected.length > 0) this.make({ do: "recolour", objects: this.#selected, colour: [r!, g!, b!] });
    });
  }

  #fly(move: (flight: Flight) => void): void {
    if (!this.#flight) return;
    this.#fixed = undefined;
    move(this.#flight);
    this.#moved();
  }

  async #click(x: number, y: number, also: boolean): Promise<void> {
    if (!this.#told) return;
    const { object, place } = await this.pick(x, y);
    if (this.#tool === "measure") {
      if (place) this.#ruler.add(place);
      this.#dirty = true;
      return;
    }
    if (object > 0 || !also) this.select(object, also);
  }

  async #approach(x: number, y: number): Promise<void> {
    const { place } = await this.pick(x, y);
    if (place) this.#fly((flight) => flight.focusOn(place));
  }

  #key(event: KeyboardEvent): void {
    if (event.target instanceof HTMLInputElement) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (event.code in FLY_KEYS && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      this.#fixed = undefined;
      this.#keys.add(event.code);
      return;
    }
    const action = actionOf(event);
    if (action === undefined) return;
    event.preventDefault();
    this.#do(action);
  }

  #take(tool: Tool): void {
    this.#tool = tool;
    if (tool !== "measure") this.#ruler.clear();
    document.querySelectorAll("[data-tool]").forEach((element) => {
      element.setAttribute("aria-pressed", String(element.getAttribute("data-tool") === tool));
    });
    this.#dirty = true;
  }

  #do(what: string): void {
    const chosen = [...this.#selected];
    const actions: Readonly<Record<string, () => void>> = {
      undo: () => this.undo(),
      redo: () => this.redo(),
      remove: () => chosen.length > 0 && this.make({ do: "remove", objects: chosen }),
      hide: () => chosen.length > 0 && this.#hide(chosen, true),
      isolate: () => chosen.length > 0 && this.#isolate(chosen),
      "show-all": () => this.#hide([...this.#hidden], false),
      focus: () => this.#focus(chosen),
      rename: () => chosen.length > 0 && this.#panel.rename(chosen.at(-1)!),
      search: () => this.#panel.focusSearch(),
      help: () => document.body.classList.toggle("helping"),
      panel: () => document.body.classList.toggle("wide"),
      home: () => this.#home(),
      escape: () => this.#escape(),
      colour: () => find(document, "#colour").click(),
      open: () => find(document, "#file").click(),
      screenshot: () => this.#screenshot(),
      link: () => void this.#link(),
      save: () => void this.#save(),
      dismiss: () => say(""),
    };
    if (what.startsWith("tool-")) this.#take(what.slice(5) as Tool);
    else actions[what]?.();
  }

  #home(): void {
    if (!this.#told) return;
    const { focus, radius, height } = this.#told;
    this.#fly((flight) => (flight.orbit = { focus, distance: Math.hypot(radius, height), around: 0, above: Math.atan2(height, radius) }));
  }

  #escape(): void {
    if (document.body.classList.contains("helping")) document.body.classList.remove("helping");
    else if (this.#gizmo.dragging) this.#gizmo.cancel();
    else {
      this.#ruler.clear();
      this.select(0);
    }
  }

  #screenshot(): void {
    this.#draw();
    const canvas = find(document, "#scene") as HTMLCanvasElement;
    canvas.toBlob((blob) => blob && handOver(blob, this.#name.replace(/\.csg$/, "") + ".png", "image/png"));
  }

  async #link(): Promise<void> {
    const address = new URL(location.href);
    address.hash = `camera=${this.#flight?.toText() ?? ""}`;
    history.replaceState(null, "", address);
    try {
      await navigator.clipboard.writeText(address.href);
      say("A link to this view is in the clipboard.", true);
    } catch {
      say("The address of the page is a link to this view now.", true);
    }
  }

  async #save(): Promise<void> {
    try {
      const bytes = await this.saved();
      handOver(bytes as BlobPart, this.#name.replace(/(-edited)?\.csg$/, "") + "-edited.csg", "application/octet-stream");
      say(`Saved with ${this.edits.length} edits, ${megabytes(bytes.length)}; nothing else in the file changed.`, true);
    } catch (error) {
      say(`Not saved: ${error instanceof Error ? error.message : String(error)}`);
    }
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

/** A file, with its progress on the page. */
function fetchShown(address: string): Promise<ArrayBuffer> {
  return fetched(address, (bytes, all) => {
    report(all ? `${megabytes(bytes)} of ${megabytes(all)}` : megabytes(bytes), all ? bytes / all : undefined);
  });
}

declare global {
  interface Window {
    /** For tests, and for pages that embed this one. */
    csg: App;
  }
}

try {
  const asked = new URLSearchParams(location.search);
  const app = new App(asked.get("scene") ?? document.body.dataset["scene"], asked.get("compare") ?? document.body.dataset["compare"]);
  window.csg = app;
  const next = (time: number): void => {
    app.frame(time);
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
  app.start().catch(fail);
} catch (error) {
  fail(error);
}

