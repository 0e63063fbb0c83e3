// A file of which only parts are here.

import { RequestError } from "../base/errors.js";
import type { ByteSource } from "./container.js";

/** Bytes from `start` on. */
export interface Part {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** From the first byte to one past the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export class Parts implements ByteSource {
  /** By where they start; none of them overlap. */
  #parts: Part[] = [];

  /** @param size Bytes of the whole file. */
  constructor(
    readonly size: number,
    parts: readonly Part[] = [],
  ) {
    parts.forEach((part) => this.add(part));
  }

  /** Bytes that are here. */
  get bytes(): number {
    return this.#parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** Keep bytes; those that are here already stay. */
  add(part: Part): void {
    for (const { start, end } of this.missing(part.start, part.start + part.bytes.length)) {
      this.#parts.push({ start, bytes: part.bytes.subarray(start - part.start, end - part.start) });
    }
    this.#parts.sort((a, b) => a.start - b.start);
  }

  /** What of bytes `start` to `end - 1` is not here. */
  missing(start: number, end: number): Span[] {
    const last = Math.min(end, this.size);
    const found: Span[] = [];
    let at = start;
    for (const { start: first, bytes } of this.#parts) {
      if (first >= last) break;
      if (first > at) found.push({ start: at, end: first });
      at = Math.max(at, first + bytes.length);
    }
    if (at < last) found.push({ start: at, end: last });
    return found;
  }

  /** @throws RequestError Some of them are not here. */
  read(offset: number, length: number): Uint8Array {
    const end = offset + length;
    if (end > this.size || this.missing(offset, end).length > 0) {
      throw new RequestError(`bytes ${offset} to ${end - 1} were not fetched`);
    }
    const over = this.#parts.filter(({ start, bytes }) => start < end && start + bytes.length > offset);
    const cut = ({ start, bytes }: Part): Uint8Array => bytes.subarray(Math.max(0, offset - start), end - start);
    if (over.length === 1) return cut(over[0]!);
    const joined = new Uint8Array(length);
    for (const part of over) joined.set(cut(part), Math.max(0, part.start - offset));
    return joined;
  }
}
