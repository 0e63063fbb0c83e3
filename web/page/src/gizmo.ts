// Handles over a selected object: arrows that move it, a ring that turns it, a knob that sizes it.

import type { Edit } from "../../dist/index.js";
import { along, projected } from "./flight.js";
import { add, cross, length, minus, times, unit, type Vector } from "./maths.js";
import type { Pinhole } from "./messages.js";

const SVG = "http://www.w3.org/2000/svg";
const REACH = 0.16;
const RING = 48;
const AXES: readonly (readonly [name: string, axis: Vector])[] = [
  ["x", [1, 0, 0]],
  ["y", [0, 1, 0]],
  ["z", [0, 0, 1]],
];

export type Tool = "select" | "move" | "rotate" | "scale" | "measure";

/** Called with what a drag has made so far; with `undefined` where it has been given up. */
export type Dragged = (edit: Edit | undefined, done: boolean) => void;

interface Drag {
  readonly edit: (drag: readonly [number, number]) => Edit | undefined;
  readonly start: readonly [number, number];
}

export class Gizmo {
  #drag: Drag | undefined;

  constructor(
    readonly svg: SVGSVGElement,
    readonly dragged: Dragged,
  ) {
    svg.addEventListener("pointermove", (event) => this.#move(event, false));
    svg.addEventListener("pointerup", (event) => this.#move(event, true));
    svg.addEventListener("pointercancel", () => this.#end(undefined));
  }

  get dragging(): boolean {
    return this.#drag !== undefined;
  }

  /** Draw the handles for objects around a point; `scale` is pixels of the camera in one of the page. */
  show(tool: Tool, camera: Pinhole, scale: number, up: Vector, middle: Vector | undefined, ids: readonly number[]): void {
    if (this.dragging) return;
    this.svg.replaceChildren();
    const at = middle && projected(camera, middle);
    if (middle === undefined || at === undefined || ids.length === 0) return;
    const size = REACH * length(minus(middle, camera.eye));
    const place = ([x, y]: readonly [number, number]): [number, number] => [x / scale, y / scale];
    if (tool === "move") {
      for (const [name, axis] of AXES) {
        const tip = projected(camera, add(middle, times(axis, size)));
        if (!tip) continue;
        this.#line(place(at), place(tip), `axis ${name}`);
        this.#handle(place(tip), `axis ${name}`, `move along ${name}`, ([dx, dy]) => {
          const way = along(camera, middle, axis, [dx * scale, dy * scale]);
          return way === 0 ? undefined : { do: "move", objects: ids, shift: rounded(times(axis, way)) };
        });
      }
    }
    if (tool === "rotate") {
      const across = unit(cross(up, Math.abs(up[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0]));
      const other = cross(up, across);
      const points = Array.from({ length: RING + 1 }, (_, i) => {
        const angle = (2 * Math.PI * i) / RING;
        return projected(camera, add(middle, times(add(times(across, Math.cos(angle)), times(other, Math.sin(angle))), size)));
      }).filter((point) => point !== undefined);
      const ring = this.#element("polyline", { class: "axis z ring", points: points.map((p) => place(p).join(",")).join(" ") });
      const turn = ([dx]: readonly [number, number]): Edit | undefined => {
        const degrees = Math.round(dx * 5) / 10;
        return degrees === 0 ? undefined : { do: "rotate", objects: ids, axis: up, degrees, about: middle };
      };
      this.#begin(ring, turn);
      this.#handle(place(points[0] ?? at), "axis z", "turn", turn);
    }
    if (tool === "scale") {
      const [x, y] = place(at);
      this.#line([x, y], [x + 60, y - 60], "axis y");
      this.#handle([x + 60, y - 60], "axis y", "size", ([dx, dy]) => {
        const factor = Number(Math.exp((dx - dy) / 150).toPrecision(4));
        return factor === 1 ? undefined : { do: "scale", objects: ids, factor, about: middle };
      });
    }
  }

  /** Give a drag up. */
  cancel(): void {
    if (this.dragging) this.#end(undefined);
  }

  #line([x1, y1]: [number, number], [x2, y2]: [number, number], kind: string): void {
    this.#element("line", { class: kind, x1, y1, x2, y2 });
  }

  #handle([cx, cy]: [number, number], kind: string, label: string, edit: Drag["edit"]): void {
    const handle = this.#element("circle", { class: kind, cx, cy, r: 9, role: "button", "aria-label": label });
    this.#begin(handle, edit);
  }

  #begin(element: SVGElement, edit: Drag["edit"]): void {
    element.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.svg.setPointerCapture(event.pointerId);
      this.#drag = { edit, start: [event.clientX, event.clientY] };
    });
  }

  #move(event: PointerEvent, done: boolean): void {
    if (this.#drag === undefined) return;
    const { edit, start } = this.#drag;
    const made = edit([event.clientX - start[0], event.clientY - start[1]]);
    if (done) this.#end(made);
    else this.dragged(made, false);
  }

  #end(edit: Edit | undefined): void {
    this.#drag = undefined;
    this.dragged(edit, true);
  }

  #element(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    this.svg.append(element);
    return element;
  }
}

function rounded(vector: Vector): Vector {
  const [x, y, z] = vector.map((part) => Number(part.toPrecision(6)));
  return [x!, y!, z!];
}
