// Edits that can be taken back and made again.

import type { Edit } from "../../dist/index.js";

export class History {
  #done: readonly (readonly Edit[])[];
  #undone: readonly (readonly Edit[])[] = [];

  /** @param edits Those that the file has; each can be taken back. */
  constructor(
    edits: readonly Edit[],
    readonly changed: () => void,
  ) {
    this.#done = edits.map((edit) => [edit]);
  }

  get edits(): readonly Edit[] {
    return this.#done.flat();
  }

  get canUndo(): boolean {
    return this.#done.length > 0;
  }

  get canRedo(): boolean {
    return this.#undone.length > 0;
  }

  /** Edits that are taken back together. */
  make(...edits: readonly Edit[]): void {
    this.#done = [...this.#done, edits];
    this.#undone = [];
    this.changed();
  }

  undo(): void {
    const last = this.#done.at(-1);
    if (last === undefined) return;
    this.#done = this.#done.slice(0, -1);
    this.#undone = [...this.#undone, last];
    this.changed();
  }

  redo(): void {
    const next = this.#undone.at(-1);
    if (next === undefined) return;
    this.#undone = this.#undone.slice(0, -1);
    this.#done = [...this.#done, next];
    this.changed();
  }
}
