// What is drawn, from where: the camera, the scene or two of them, handles and rulers above.

import type { Edit } from "../../dist/index.js";
import { Comparison } from "./comparison.js";
import { Flight } from "./flight.js";
import { Gizmo } from "./gizmo.js";
import type { Tool } from "./handles.js";
import { FLY_KEYS } from "./keys.js";
import { middleOf, type ShownObject } from "./look.js";
import type { Vector } from "./maths.js";
import type { Pinhole, Told } from "./messages.js";
import { find } from "./panel.js";
import { Ruler } from "./ruler.js";
import { SceneView, type Listener, type Picked } from "./scene_view.js";

const LINE: Vector = [1, 0.62, 0.1];
const SHARPEST = 1.5;
const FLY = 0.9;

/** What was found, and in which file where that is not the first. */
export interface Found extends Picked {
  readonly other: string | undefined;
}

export class Picture {
  readonly #stage = find(document, "#stage");
  readonly view: SceneView;
  readonly comparison: Comparison | undefined;
  readonly gizmo: Gizmo;
  readonly ruler = new Ruler();
  tool: Tool = "select";
  chosen: readonly ShownObject[] = [];
  readonly #keys = new Set<string>();
  #told: Told | undefined;
  #flight: Flight | undefined;
  #fixed: Pinhole | undefined;
  #asked = false;
  #dirty = true;
  #time = 0;

  /** @throws NoWebGl The browser cannot draw it. */
  constructor(listener: Listener, compared: boolean, failed: (message: string) => void, dragged: (edit: Edit | undefined, done: boolean) => void) {
    this.view = new SceneView(find(document, "#scene") as HTMLCanvasElement, listener);
    if (compared) this.comparison = new Comparison({ changed: () => this.changed(), failed });
    this.gizmo = new Gizmo(document.querySelector<SVGSVGElement>("#gizmo")!, (edit, done) => {
      dragged(edit, done);
      this.changed();
    });
  }

  /** Another scene is there; the address of the page may say from where to look. */
  begin(told: Told): void {
    this.#told = told;
    this.#flight = new Flight(told.up, { focus: told.focus, distance: 1, around: 0, above: 0 });
    this.home();
    this.goTo(location.hash);
  }

  /** Look from where the end of an address says. */
  goTo(hash: string): void {
    const place = new URLSearchParams(hash.slice(1)).get("camera");
    if (place !== null) this.fly((flight) => flight.fromText(place));
  }

  /** Pixels of the picture in one of the page. */
  get sharpness(): number {
    return this.#camera().width / (this.#stage.clientWidth || 1);
  }

  /** The camera, for the address of the page. */
  get place(): string {
    return this.#flight?.toText() ?? "";
  }

  /** Where the eye is, and what it looks at. */
  get seen(): { readonly eye: Vector; readonly focus: Vector } | undefined {
    return this.#flight && { eye: this.#flight.eye, focus: this.#flight.orbit.focus };
  }

  /** Look from a camera of one's own, until somebody moves; its picture has exactly that size. */
  look(camera: Pinhole | undefined): void {
    this.#fixed = camera;
    this.moved();
  }

  fly(move: (flight: Flight) => void): void {
    if (!this.#flight) return;
    this.#fixed = undefined;
    move(this.#flight);
    this.moved();
  }

  home(): void {
    if (!this.#told) return;
    const { focus, radius, height, around } = this.#told;
    this.fly((flight) => (flight.orbit = { focus, distance: Math.hypot(radius, height), around, above: Math.atan2(height, radius) }));
  }

  /** Fly as long as a key is down. */
  hold(key: string, down: boolean): void {
    if (!down) return void this.#keys.delete(key);
    this.#fixed = undefined;
    this.#keys.add(key);
  }

  /** All keys are up. */
  rest(): void {
    this.#keys.clear();
  }

  /** The camera is elsewhere, or its picture has another size. */
  moved(): void {
    this.#asked = true;
  }

  /** Something to draw has changed. */
  changed(): void {
    this.#dirty = true;
  }

  /** Red, green, blue, 255 of each pixel, once colours are settled. */
  async pixels(): Promise<Uint8Array> {
    await this.view.settled(this.#camera());
    this.draw();
    return this.view.pixels();
  }

  /** What one sees at a point, in the file that is shown there. */
  async pick(x: number, y: number): Promise<Found> {
    const camera = this.#camera();
    const { comparison } = this;
    const other = comparison?.name && comparison.covers(x / camera.width) ? comparison : undefined;
    return { ...(await (other?.view ?? this.view).pick(camera, x, y)), other: other?.name };
  }

  /** What people see now, without handles. */
  shot(): HTMLCanvasElement {
    this.draw();
    const { canvas } = this.view;
    return this.comparison?.name ? this.comparison.over(canvas) : canvas;
  }

  frame(time: number): void {
    const seconds = Math.min(0.1, (time - this.#time) / 1000);
    this.#time = time;
    if (!this.#flight || !this.#told) return;
    if (this.#keys.size > 0) {
      const sum = [...this.#keys].map((key) => FLY_KEYS[key]!).reduce((a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]]);
      this.#flight.fly(sum[0] * FLY * seconds, sum[1] * FLY * seconds, sum[2] * FLY * seconds);
      this.moved();
    }
    if (this.#asked) {
      this.#asked = false;
      const camera = this.#camera();
      this.view.see(camera);
      this.comparison?.view.see(camera);
      this.#dirty = true;
    }
    if (this.#dirty) this.draw();
  }

  draw(): void {
    if (!this.#told) return;
    this.#dirty = false;
    const { background, up, unit } = this.#told;
    const camera = this.#camera();
    const ids = this.chosen.map(({ id }) => id);
    const style = { background, selected: ids, line: LINE, thickness: Math.round(camera.height / 600) + 1 };
    this.view.draw(camera, style);
    this.comparison?.view.draw(camera, { ...style, selected: [] });
    const scale = this.sharpness;
    this.gizmo.show(this.tool, camera, scale, ids.length > 0 ? { ids, middle: middleOf(this.chosen), up } : undefined);
    this.ruler.show(camera, scale, unit);
  }

  #camera(): Pinhole {
    if (this.#fixed) return this.#fixed;
    const sharp = Math.min(SHARPEST, devicePixelRatio || 1);
    const size = (pixels: number): number => Math.max(1, Math.round(pixels * sharp));
    return this.#flight!.pinhole(size(this.#stage.clientWidth), size(this.#stage.clientHeight));
  }
}
