// The handles on the page: elements that stay while the scene is drawn anew, and drags of them.

import type { Edit } from "../../dist/index.js";
import { marksOf, type EditOf, type Handled, type Mark, type Tool } from "./handles.js";
import type { Pinhole } from "./messages.js";

const SVG = "http://www.w3.org/2000/svg";

/** Called with what a drag has made so far; with `undefined` where it has been given up. */
export type Dragged = (edit: Edit | undefined, done: boolean) => void;

interface Drag {
  readonly edit: EditOf;
  readonly start: readonly [number, number];
}

export class Gizmo {
  #drag: Drag | undefined;
  #tool: Tool = "select";
  #marks: readonly Mark[] = [];
  #elements: readonly SVGElement[] = [];

  constructor(
    readonly svg: SVGSVGElement,
    readonly dragged: Dragged,
  ) {
    svg.addEventListener("pointermove", (event) => this.#move(event, false));
    svg.addEventListener("pointerup", (event) => this.#move(event, true));
    svg.addEventListener("pointercancel", () => this.cancel());
  }

  get dragging(): boolean {
    return this.#drag !== undefined;
  }

  /**
   * Put the handles where objects are now, or none. Elements are made when the tool changes, or when there is something to
   * handle at last; else they move.
   */
  show(tool: Tool, camera: Pinhole, scale: number, handled: Handled | undefined): void {
    this.#marks = handled ? marksOf(tool, camera, scale, handled) : [];
    if (tool !== this.#tool || this.#marks.length !== this.#elements.length) this.#make();
    this.#tool = tool;
    this.#elements.forEach((element, i) => put(element, this.#marks[i]!.place));
  }

  /** Give a drag up. */
  cancel(): void {
    if (this.dragging) this.#end(undefined);
  }

  #make(): void {
    this.#elements = this.#marks.map(({ shape, kind, label, edit }, i) => {
      const element: SVGElement = document.createElementNS(SVG, shape);
      element.setAttribute("class", kind);
      if (label !== undefined) Object.entries({ role: "button", "aria-label": label }).forEach(([name, value]) => element.setAttribute(name, value));
      if (edit) element.addEventListener("pointerdown", (event) => this.#begin(event, this.#marks[i]?.edit));
      return element;
    });
    this.svg.replaceChildren(...this.#elements);
  }

  #begin(event: PointerEvent, edit: EditOf | undefined): void {
    if (edit === undefined || this.dragging) return;
    event.preventDefault();
    event.stopPropagation();
    this.svg.setPointerCapture(event.pointerId);
    this.#drag = { edit, start: [event.clientX, event.clientY] };
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
}

function put(element: SVGElement, place: Mark["place"]): void {
  element.toggleAttribute("hidden", place === undefined);
  for (const [name, value] of Object.entries(place ?? {})) element.setAttribute(name, String(value));
}
