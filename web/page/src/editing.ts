// What a person has done to the objects of a scene: selected, hidden, edited.

import type { Edit } from "../../dist/index.js";
import { History } from "./history.js";
import type { ShownObject, Whole } from "./look.js";

export interface EditingActions {
  /** The scene looks otherwise: it has these edits, and these objects are out of sight. */
  look(edits: readonly Edit[], hidden: readonly number[]): void;
  /** What is listed, selected, hidden or can be undone has changed. */
  listed(): void;
}

export class Editing {
  #objects: readonly ShownObject[] = [];
  #wholes: readonly Whole[] = [];
  #selected: readonly number[] = [];
  /** What was selected by itself last: what is smaller leads there. */
  #last = 0;
  readonly #hidden = new Set<number>();
  #history = new History([], () => undefined);
  #preview: Edit | undefined;
  #kept = "[]";

  constructor(readonly actions: EditingActions) {}

  get objects(): readonly ShownObject[] {
    return this.#objects;
  }

  get selected(): readonly number[] {
    return this.#selected;
  }

  get hidden(): ReadonlySet<number> {
    return this.#hidden;
  }

  get edits(): readonly Edit[] {
    return this.#history.edits;
  }

  /** Objects that are selected. */
  get chosen(): readonly ShownObject[] {
    return this.#objects.filter(({ id }) => this.#selected.includes(id));
  }

  get canUndo(): boolean {
    return this.#history.canUndo;
  }

  get canRedo(): boolean {
    return this.#history.canRedo;
  }

  /** Whether there are edits that no file has. */
  get unsaved(): boolean {
    return JSON.stringify(this.edits) !== this.#kept;
  }

  /** A file with these edits has been saved. */
  kept(edits: readonly Edit[]): void {
    this.#kept = JSON.stringify(edits);
    this.actions.listed();
  }

  /** Another scene, with the edits that its file has. */
  begin(edits: readonly Edit[]): void {
    this.#history = new History(edits, () => this.#edited());
    [this.#objects, this.#wholes, this.#selected, this.#preview] = [[], [], [], undefined];
    this.#hidden.clear();
    this.kept(edits);
  }

  /** The objects that are there now. */
  know(objects: readonly ShownObject[], wholes: readonly Whole[]): void {
    this.#objects = objects;
    const there = new Set(objects.map(({ id }) => id));
    this.#wholes = wholes.map((ids) => ids.filter((id) => there.has(id)));
    this.#selected = this.#selected.filter((id) => objects.some((object) => object.id === id));
    this.actions.listed();
  }

  /** `also`: beside those that are selected, or no longer. */
  select(id: number, also = false): void {
    const has = this.#selected.includes(id);
    if (also) this.#selected = has ? this.#selected.filter((one) => one !== id) : [...this.#selected, id];
    else this.#selected = id > 0 ? [id] : [];
    this.#last = id;
    this.actions.listed();
  }

  /** The smallest whole that what is selected is but a part of; undefined where there is none. */
  get larger(): Whole | undefined {
    const chosen = new Set(this.#selected);
    if (chosen.size === 0) return undefined;
    const wholes = this.#wholes.filter((ids) => ids.length > chosen.size && [...chosen].every((id) => ids.includes(id)));
    return wholes.sort((a, b) => a.length - b.length)[0];
  }

  /** The largest part of what is selected that the object clicked last is in; undefined where there is none. */
  get smaller(): Whole | undefined {
    const chosen = new Set(this.#selected);
    if (chosen.size < 2 || !chosen.has(this.#last)) return undefined;
    const within = (ids: Whole): boolean => ids.length < chosen.size && ids.every((id) => chosen.has(id));
    const parts = this.#wholes.filter((ids) => ids.includes(this.#last) && within(ids));
    return parts.sort((a, b) => b.length - a.length)[0] ?? [this.#last];
  }

  /** Select all of these. */
  resize(ids: Whole): void {
    this.#selected = ids;
    this.actions.listed();
  }

  make(...edits: readonly Edit[]): void {
    this.#history.make(...edits);
  }

  undo(): void {
    this.#history.undo();
  }

  redo(): void {
    this.#history.redo();
  }

  /** What a drag has made so far, and whether it ends here. */
  drag(edit: Edit | undefined, done: boolean): void {
    this.#preview = done ? undefined : edit;
    if (done && edit) this.make(edit);
    else this.#edited();
  }

  hide(ids: readonly number[], hidden: boolean): void {
    for (const id of ids) {
      if (hidden) this.#hidden.add(id);
      else this.#hidden.delete(id);
    }
    this.#edited();
  }

  /** Show these alone, or all where they are alone already. */
  isolate(ids: readonly number[]): void {
    const others = this.#objects.map(({ id }) => id).filter((id) => !ids.includes(id));
    const already = others.length > 0 && others.every((id) => this.#hidden.has(id));
    this.#hidden.clear();
    if (!already) for (const id of others) this.#hidden.add(id);
    this.#edited();
  }

  #edited(): void {
    this.actions.look(this.#preview ? [...this.edits, this.#preview] : this.edits, [...this.#hidden]);
    this.actions.listed();
  }
}
