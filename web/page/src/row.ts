// A line of the list of objects: name, size, and what can be done to it. It stays while the list changes around it.

import type { ShownObject } from "./look.js";

export interface RowActions {
  /** `also`: beside those that are selected. */
  select(id: number, also: boolean): void;
  focus(id: number): void;
  setHidden(id: number, hidden: boolean): void;
  isolate(id: number): void;
  rename(id: number, name: string): void;
}

const LONGEST_NAME = 80;

export class Row {
  readonly element = make("li", "object");
  readonly #name = make("button", "name");
  readonly #rows = make("span", "rows");
  readonly #eye: HTMLElement;
  #object: ShownObject;
  #hidden = false;

  constructor(
    object: ShownObject,
    readonly actions: RowActions,
  ) {
    const { id } = (this.#object = object);
    this.element.dataset["id"] = String(id);
    this.#eye = button("", "eye", () => actions.setHidden(id, !this.#hidden));
    this.#name.addEventListener("click", (event) => actions.select(id, event.shiftKey || event.ctrlKey || event.metaKey));
    this.#name.addEventListener("dblclick", () => actions.focus(id));
    this.#rows.title = "how much of the scene it is: its anchors or Gaussians";
    const others = [button("show it alone", "solo", () => actions.isolate(id)), button("rename", "pen", () => this.rename())];
    this.element.append(this.#eye, this.#name, this.#rows, ...others);
  }

  show(object: ShownObject, selected: boolean, hidden: boolean): void {
    [this.#object, this.#hidden] = [object, hidden];
    this.element.classList.toggle("selected", selected);
    this.element.classList.toggle("hidden", hidden);
    this.#name.textContent = titleOf(object);
    this.#name.title = titleOf(object);
    this.#name.setAttribute("aria-pressed", String(selected));
    this.#rows.textContent = object.rows.toLocaleString("en");
    name(this.#eye, hidden ? "show" : "hide");
    this.#eye.querySelector("use")!.setAttribute("href", hidden ? "#eye-off" : "#eye");
  }

  /** Let somebody type a name. */
  rename(): void {
    const { id } = this.#object;
    const input = document.createElement("input");
    input.value = this.#object.name;
    input.maxLength = LONGEST_NAME;
    input.setAttribute("aria-label", `name of object ${id}`);
    const finish = (keep: boolean): void => {
      input.onblur = null;
      input.replaceWith(this.#name);
      const named = input.value.trim();
      if (keep && named !== this.#object.name) this.actions.rename(id, named);
    };
    input.onblur = (): void => finish(true);
    input.onkeydown = (event): void => {
      event.stopPropagation();
      if (event.key === "Enter") finish(true);
      if (event.key === "Escape") finish(false);
    };
    this.#name.replaceWith(input);
    input.select();
  }
}

/** What an object is called. */
export function titleOf(object: ShownObject): string {
  return object.name || `object ${object.id}`;
}

function button(label: string, icon: string, action: () => void): HTMLElement {
  const element = make("button", "icon");
  name(element, label);
  element.innerHTML = `<svg><use href="#${icon}"/></svg>`; // of ours alone
  element.addEventListener("click", action);
  return element;
}

function name(element: HTMLElement, label: string): void {
  element.title = label;
  element.setAttribute("aria-label", label);
}

function make(kind: string, className: string): HTMLElement {
  const element = document.createElement(kind);
  element.className = className;
  return element;
}
