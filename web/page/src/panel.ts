// The list of objects: names, what is in sight, a search, and what can be done to each.

import type { ShownObject } from "./look.js";
import { Meaning } from "./meaning.js";

export interface PanelActions {
  /** `also`: beside those that are selected. */
  select(id: number, also: boolean): void;
  focus(id: number): void;
  setHidden(id: number, hidden: boolean): void;
  isolate(id: number): void;
  rename(id: number, name: string): void;
}

export class Panel {
  #objects: readonly ShownObject[] = [];
  #selected: readonly number[] = [];
  #hidden: ReadonlySet<number> = new Set();
  readonly #list: HTMLElement;
  readonly #search: HTMLInputElement;
  readonly #count: HTMLElement;
  readonly #hint: HTMLElement;
  readonly #meaning: Meaning;
  #encoder = "";

  /** @param encodes Address of what encodes words, if anything does. */
  constructor(
    readonly root: HTMLElement,
    readonly actions: PanelActions,
    encodes: string | undefined,
  ) {
    this.#meaning = new Meaning(encodes, () => this.#render());
    this.#hint = find(root, ".hint");
    this.#list = find(root, ".objects");
    this.#search = find(root, "input[type=search]") as HTMLInputElement;
    this.#count = find(root, ".count");
    this.#search.addEventListener("input", () => this.#render());
  }

  show(objects: readonly ShownObject[], selected: readonly number[], hidden: ReadonlySet<number>): void {
    [this.#objects, this.#selected, this.#hidden] = [objects, selected, hidden];
    this.#render();
  }

  /** What the vectors of objects were made by; empty where they have none. */
  encodedBy(encoder: string): void {
    this.#encoder = encoder;
  }

  /** Let somebody type a name. */
  rename(id: number): void {
    const row = this.#list.querySelector(`[data-id="${id}"]`);
    const object = this.#objects.find((one) => one.id === id);
    const name = row?.querySelector(".name");
    if (!name || !object) return;
    const input = document.createElement("input");
    input.value = object.name;
    input.maxLength = 80;
    input.setAttribute("aria-label", `name of object ${id}`);
    const finish = (keep: boolean): void => {
      input.onblur = null;
      if (keep && input.value.trim() !== object.name) this.actions.rename(id, input.value.trim());
      else this.#render();
    };
    input.onblur = (): void => finish(true);
    input.onkeydown = (event): void => {
      event.stopPropagation();
      if (event.key === "Enter") finish(true);
      if (event.key === "Escape") finish(false);
    };
    name.replaceWith(input);
    input.select();
  }

  /** Let an object be seen in the list. */
  reveal(id: number): void {
    this.#list.querySelector(`[data-id="${id}"]`)?.scrollIntoView({ block: "nearest" });
  }

  focusSearch(): void {
    this.#search.focus();
  }

  #render(): void {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.#objects.filter((object) => words.every((word) => titleOf(object).toLowerCase().includes(word)));
    this.#count.textContent = words.length > 0 ? `${found.length} of ${this.#objects.length}` : `${this.#objects.length}`;
    const meant = this.#meaning.of(this.#search.value, this.#objects, this.#encoder);
    const others = meant.objects.filter((object) => !found.includes(object));
    const heading = make("li", "meant");
    heading.textContent = "By what they look like";
    const below = others.length > 0 ? [heading, ...others.map((object) => this.#row(object))] : [];
    this.#list.replaceChildren(...found.map((object) => this.#row(object)), ...below);
    this.#hint.textContent = meant.hint;
    this.root.classList.toggle("empty", this.#objects.length === 0);
    find(this.root, ".all").hidden = this.#hidden.size === 0;
  }

  #row(object: ShownObject): HTMLElement {
    const { id } = object;
    const hidden = this.#hidden.has(id);
    const row = make("li", `object${this.#selected.includes(id) ? " selected" : ""}${hidden ? " hidden" : ""}`);
    row.dataset["id"] = String(id);
    const eye = button(hidden ? "show" : "hide", hidden ? "eye-off" : "eye", () => this.actions.setHidden(id, !hidden));
    const name = make("button", "name");
    name.textContent = titleOf(object);
    name.addEventListener("click", (event) => this.actions.select(id, event.shiftKey || event.ctrlKey || event.metaKey));
    name.addEventListener("dblclick", () => this.actions.focus(id));
    const rows = make("span", "rows");
    rows.textContent = object.rows.toLocaleString("en");
    rows.title = "how much of the scene it is: its anchors or Gaussians";
    row.append(eye, name, rows, button("show it alone", "solo", () => this.actions.isolate(id)), button("rename", "pen", () => this.rename(id)));
    return row;
  }
}

/** What an object is called. */
export function titleOf(object: ShownObject): string {
  return object.name || `object ${object.id}`;
}

function button(label: string, icon: string, action: () => void): HTMLElement {
  const element = make("button", "icon");
  element.title = label;
  element.setAttribute("aria-label", label);
  element.innerHTML = `<svg><use href="#${icon}"/></svg>`; // of ours alone
  element.addEventListener("click", action);
  return element;
}

function make(name: string, kind: string): HTMLElement {
  const element = document.createElement(name);
  element.className = kind;
  return element;
}

/** @throws Error The page has no such element. */
export function find(root: ParentNode, selector: string): HTMLElement {
  const element = root.querySelector<HTMLElement>(selector);
  if (element === null) throw new Error(`the page has no ${selector}`);
  return element;
}
