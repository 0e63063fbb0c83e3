// A file of which parts are fetched as they are needed: from a server, a Blob, or what else answers for ranges.

import { FormatError } from "../base/errors.js";
import type { ByteSource } from "./container.js";
import { Parts, type Part } from "./parts.js";

/** A file that is read in parts. */
export interface RangeSource {
  readonly size: number;
  /** Its first bytes, where they came along when it was opened. */
  readonly front?: Uint8Array;
  /**
   * `length` bytes from `offset` on; both lie inside `size`.
   *
   * @param arrived Told how many more have come, as they do.
   */
  read(offset: number, length: number, arrived?: (bytes: number) => void): Promise<Uint8Array>;
}

/** A file, or another Blob, that a person chose. */
export function blobSource(blob: Blob): RangeSource {
  return {
    size: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}

/** The parts of a file that were fetched so far. */
export class FetchedSource implements ByteSource {
  readonly #parts: Parts;
  #arriving = 0;

  /** @param told How many bytes are here, whenever more come. */
  constructor(
    readonly ranges: RangeSource,
    readonly told: (bytes: number) => void = () => undefined,
  ) {
    const { size, front } = ranges;
    this.#parts = new Parts(size, front === undefined ? [] : [{ start: 0, bytes: front }]);
  }

  get size(): number {
    return this.ranges.size;
  }

  /** Bytes that came so far. */
  get bytes(): number {
    return this.#parts.bytes + this.#arriving;
  }

  /** Fetch what of bytes `start` to `end - 1` is there and was not fetched. */
  async fetch(start: number, end: number): Promise<void> {
    await Promise.all(this.#parts.missing(start, end).map((span) => this.#add(span.start, span.end - span.start)));
  }

  read(offset: number, length: number): Uint8Array {
    return this.#parts.read(offset, length);
  }

  /** The whole file; what was not needed is fetched now. */
  async whole(): Promise<Uint8Array> {
    await this.fetch(0, this.size);
    return this.read(0, this.size);
  }

  /** A part that was fetched, to be sent to a worker. */
  part(start: number, end: number): Part {
    return { start, bytes: this.read(start, end - start) };
  }

  async #add(start: number, length: number): Promise<void> {
    let came = 0;
    try {
      const bytes = await this.ranges.read(start, length, (count) => {
        came += count;
        this.#arriving += count;
        this.told(this.bytes);
      });
      if (bytes.length !== length) throw new FormatError("the file changed while it was read; load it again");
      this.#parts.add({ start, bytes });
    } finally {
      this.#arriving -= came;
    }
    this.told(this.bytes);
  }
}
