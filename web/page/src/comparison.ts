// A second file beside the first: right of a divider that people move.

import type { ShownObject } from "./look.js";
import { find } from "./panel.js";
import { SceneView, type Listener } from "./scene_view.js";
import { titleOf } from "./row.js";

export class Comparison {
  readonly view: SceneView;
  objects: readonly ShownObject[] = [];
  /** Of the file; empty while there is none to see. */
  name = "";
  readonly #canvas = find(document, "#other") as HTMLCanvasElement;
  #share = 0.5;

  /**
   * @param listener `changed` is told when there is something to draw, `failed` what went wrong.
   * @throws NoWebGl The browser cannot draw it.
   */
  constructor(listener: Pick<Listener, "changed" | "failed">) {
    const nothing = (): undefined => undefined;
    const objects = (known: readonly ShownObject[]): void => void (this.objects = known);
    this.view = new SceneView(this.#canvas, { ...listener, bytes: nothing, progress: nothing, scene: nothing, objects });
    const divider = find(document, "#divider") as HTMLInputElement;
    divider.addEventListener("input", () => {
      this.#share = Number(divider.value) / 100;
      find(document, "#stage").style.setProperty("--divider", `${divider.value}%`);
    });
  }

  /** Whether a share of the width of the picture shows the other file. */
  covers(share: number): boolean {
    return share >= this.#share;
  }

  nameOf(id: number): string {
    const object = this.objects.find((one) => one.id === id);
    return object ? titleOf(object) : "";
  }

  /** What people see: the first file up to the divider, the other one from there on. */
  over(first: HTMLCanvasElement): HTMLCanvasElement {
    const { width, height } = first;
    const whole = document.createElement("canvas");
    [whole.width, whole.height] = [width, height];
    const context = whole.getContext("2d")!;
    context.drawImage(first, 0, 0);
    const x = Math.round(width * this.#share);
    if (x < width) context.drawImage(this.#canvas, x, 0, width - x, height, x, 0, width - x, height);
    return whole;
  }
}
