// Objects that fit some words, by vectors of both: those of objects are in the file, a server encodes the words.

import type { ShownObject } from "./look.js";

const BEST = 5;
const PAUSE_MS = 250;
const LONGEST = 200;

export interface Meant {
  /** Those that fit best, the best one first. */
  readonly objects: readonly ShownObject[];
  /** Why there are none, where that is worth a line. */
  readonly hint: string;
}

const NONE: Meant = { objects: [], hint: "" };

export class Meaning {
  #timer = 0;
  #asked = "";
  #vector: readonly number[] | undefined;
  #hint = "";

  /**
   * @param address Of what encodes words; undefined where nothing does.
   * @param changed Called when an answer has come.
   */
  constructor(
    readonly address: string | undefined,
    readonly changed: () => void,
  ) {}

  /** What is known now; asks if need be, for vectors of the encoder of that name. */
  of(words: string, objects: readonly ShownObject[], encoder: string): Meant {
    const text = words.trim().slice(0, LONGEST);
    if (encoder === "" || text.length < 2) return NONE;
    if (this.address === undefined) {
      return { objects: [], hint: "Names only: nothing encodes words here. csg view --text-weights FILE does." };
    }
    if (text !== this.#asked) this.#ask(text, encoder);
    const vector = this.#vector;
    if (vector === undefined) return { objects: [], hint: this.#hint };
    const scored = objects.flatMap((object) => (object.vector ? [{ object, fit: dot(object.vector, vector) }] : []));
    scored.sort((a, b) => b.fit - a.fit || a.object.id - b.object.id);
    return { objects: scored.slice(0, BEST).map(({ object }) => object), hint: "" };
  }

  #ask(text: string, encoder: string): void {
    [this.#asked, this.#vector, this.#hint] = [text, undefined, ""];
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.#encoded(text, encoder).then((found) => {
        if (text !== this.#asked) return;
        if (typeof found === "string") this.#hint = found;
        else this.#vector = found;
        this.changed();
      });
    }, PAUSE_MS);
  }

  /** A vector, or why there is none. */
  async #encoded(text: string, encoder: string): Promise<readonly number[] | string> {
    try {
      const response = await fetch(`${this.address}?${new URLSearchParams({ text })}`);
      const told = (await response.json()) as { encoder?: unknown; vector?: unknown };
      if (told.encoder !== encoder) return `Names only: the words are encoded by ${told.encoder}, the objects by ${encoder}.`;
      return Array.isArray(told.vector) && told.vector.every(Number.isFinite) ? (told.vector as number[]) : "Names only: no answer.";
    } catch {
      return "Names only: what encodes words does not answer.";
    }
  }
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
}
