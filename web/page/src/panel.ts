// The list of objects, and a search in it.

import type { ShownObject } from "./look.js";
import { Meaning } from "./meaning.js";
import { Row, titleOf, type RowActions } from "./row.js";

/** Where the list lies below the picture, and is folded away at first; as in style.css. */
const NARROW = "(max-width: 700px)";

export class Panel {
  #objects: readonly ShownObject[] = [];
  #selected: readonly number[] = [];
  #hidden: ReadonlySet<number> = new Set();
  readonly #rows = new Map<number, Row>();
  readonly #list: HTMLElement;
  readonly #search: HTMLInputElement;
  readonly #count: HTMLElement;
  readonly #hint: HTMLElement;
  readonly #meaning: Meaning;
  readonly #heading = document.createElement("li");
  #encoder = "";

  /** @param encodes Address of what encodes words, if anything does. */
  constructor(
    readonly root: HTMLElement,
    readonly actions: RowActions,
    encodes: string | undefined,
  ) {
    this.#meaning = new Meaning(encodes, () => this.#render());
    this.#hint = find(root, ".hint");
    this.#list = find(root, ".objects");
    this.#search = find(root, "input[type=search]") as HTMLInputElement;
    this.#count = find(root, ".count");
    this.#search.addEventListener("input", () => this.#render());
    this.#heading.className = "meant";
    this.#heading.textContent = "By what they look like";
  }

  show(objects: readonly ShownObject[], selected: readonly number[], hidden: ReadonlySet<number>): void {
    [this.#objects, this.#selected, this.#hidden] = [objects, selected, hidden];
    this.#render();
  }

  /** What the vectors of objects were made by; empty where they have none. */
  encodedBy(encoder: string): void {
    this.#encoder = encoder;
  }

  /** Let somebody type a name; of one that the search has left out, after taking that back. */
  rename(id: number): void {
    this.toggle(true);
    if (!this.#rows.get(id)?.element.isConnected) this.#search.value = "";
    this.#render();
    this.#rows.get(id)?.rename();
  }

  /** Let an object be seen in the list. */
  reveal(id: number): void {
    this.#rows.get(id)?.element.scrollIntoView({ block: "nearest" });
  }

  /** Fold the list away, or unfold it. */
  toggle(open?: boolean): void {
    const narrow = matchMedia(NARROW).matches;
    const now = narrow ? document.body.classList.toggle("wide", open) : !document.body.classList.toggle("folded", open === undefined ? open : !open);
    for (const button of document.querySelectorAll('[data-do="panel"]')) button.setAttribute("aria-expanded", String(now));
  }

  focusSearch(): void {
    this.toggle(true);
    this.#search.focus();
  }

  #render(): void {
    const words = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.#objects.filter((object) => words.every((word) => titleOf(object).toLowerCase().includes(word)));
    this.#count.textContent = words.length > 0 ? `${found.length} of ${this.#objects.length}` : `${this.#objects.length}`;
    const meant = this.#meaning.of(this.#search.value, this.#objects, this.#encoder);
    const others = meant.objects.filter((object) => !found.includes(object));
    const below = others.length > 0 ? [this.#heading, ...others.map((object) => this.#row(object))] : [];
    this.#put([...found.map((object) => this.#row(object)), ...below]);
    const nothing = words.length > 0 && found.length + others.length === 0;
    this.#hint.textContent = [nothing ? "No object of that name." : "", meant.hint].filter(Boolean).join(" ");
    this.root.classList.toggle("empty", this.#objects.length === 0);
    find(this.root, ".all").hidden = this.#hidden.size === 0;
  }

  /** Lines stay in their places where they can: one may be under a pointer, or have a name being typed. */
  #put(lines: readonly HTMLElement[]): void {
    const list = this.#list;
    for (const line of [...list.children]) if (!lines.includes(line as HTMLElement)) line.remove();
    lines.forEach((line, i) => line === list.children[i] || list.insertBefore(line, list.children[i] ?? null));
    for (const id of this.#rows.keys()) if (!this.#objects.some((object) => object.id === id)) this.#rows.delete(id);
  }

  #row(object: ShownObject): HTMLElement {
    const { id } = object;
    const row = this.#rows.get(id) ?? new Row(object, this.actions);
    this.#rows.set(id, row);
    row.show(object, this.#selected.includes(id), this.#hidden.has(id));
    return row.element;
  }
}

/** @throws Error The page has no such element. */
export function find(root: ParentNode, selector: string): HTMLElement {
  const element = root.querySelector<HTMLElement>(selector);
  if (element === null) throw new Error(`the page has no ${selector}`);
  return element;
}
