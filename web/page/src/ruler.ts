// The distance between two points that were clicked.

import { projected } from "./flight.js";
import { length, minus, type Vector } from "./maths.js";
import type { Pinhole } from "./messages.js";
import { find } from "./panel.js";

export class Ruler {
  #points: readonly Vector[] = [];

  /** The first point, or the second; after that a first one again. */
  add(point: Vector): void {
    this.#points = this.#points.length === 1 ? [...this.#points, point] : [point];
  }

  clear(): void {
    this.#points = [];
  }

  /** `unit`: lengths of the capture in one of the scene; `scale`: pixels of the camera in one of the page. */
  show(camera: Pinhole, scale: number, unit: number): void {
    const label = find(document, "#measure");
    const line = document.querySelector<SVGLineElement>("#ruler")!;
    const seen = this.#points.map((point) => projected(camera, point)).filter((point) => point !== undefined);
    const [a, b] = seen.map(([x, y]) => [x / scale, y / scale] as const);
    label.hidden = a === undefined || b === undefined;
    line.toggleAttribute("hidden", label.hidden);
    if (a === undefined || b === undefined) return;
    Object.entries({ x1: a[0], y1: a[1], x2: b[0], y2: b[1] }).forEach(([name, value]) => line.setAttribute(name, String(value)));
    const distance = length(minus(this.#points[1]!, this.#points[0]!)) * unit;
    label.textContent = `${distance.toPrecision(4)} units of the capture`;
    label.style.transform = `translate(${(a[0] + b[0]) / 2}px, ${(a[1] + b[1]) / 2}px)`;
  }
}
