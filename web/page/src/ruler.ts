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
    const seen = this.#points.map((point) => projected(camera, point)?.map((x) => x / scale));
    ["#ruler-from", "#ruler-to"].forEach((end, i) => put(end, seen[i] && { cx: seen[i][0]!, cy: seen[i][1]! }));
    const [a, b] = seen;
    put("#ruler", a && b && { x1: a[0]!, y1: a[1]!, x2: b[0]!, y2: b[1]! });
    const label = find(document, "#measure");
    label.hidden = a === undefined || (this.#points.length === 2 && b === undefined);
    if (a === undefined || label.hidden) return;
    const [from, to] = this.#points as [Vector, Vector | undefined];
    label.textContent = to ? `${(length(minus(to, from)) * unit).toPrecision(4)} units of the capture` : "click a second point";
    const [x, y] = [0, 1].map((axis) => (a[axis]! + (b ?? a)[axis]!) / 2);
    label.style.transform = `translate(${x}px, ${y}px)`;
  }
}

/** Show a line or an end where it is, or not at all. */
function put(selector: string, place: Readonly<Record<string, number>> | undefined): void {
  const element = document.querySelector<SVGElement>(selector)!;
  element.toggleAttribute("hidden", place === undefined);
  for (const [name, value] of Object.entries(place ?? {})) element.setAttribute(name, String(value));
}
