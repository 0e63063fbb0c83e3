// A content that is read field by field; each read beyond its end is a typed error.

import { FormatError } from "./errors.js";

export class ByteReader {
  readonly #view: DataView;
  #next = 0;

  /**
   * @param bytes Untrusted.
   * @param where What they are, for messages.
   */
  constructor(
    readonly bytes: Uint8Array,
    readonly where: string,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes that were not read yet. */
  get left(): number {
    return this.bytes.length - this.#next;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  /** The next `length` bytes, not copied. */
  take(length: number): Uint8Array {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** `count` values, each read by `read`. */
  many<T>(count: number, read: (this: ByteReader) => T): T[] {
    return Array.from({ length: count }, () => read.call(this));
  }

  /** A content behind its length (u32). */
  sized(): Uint8Array {
    return this.take(this.u32());
  }

  /** Refuse bytes that nothing has read. */
  end(): void {
    if (this.left > 0) throw new FormatError(`${this.where}: ${this.left} bytes too many; the file is damaged`);
  }

  #take(length: number): number {
    if (length > this.left) {
      throw new FormatError(
        `${this.where}: ends at byte ${this.bytes.length}, ${length} are needed from byte ${this.#next} on; damaged`,
      );
    }
    const start = this.#next;
    this.#next += length;
    return start;
  }
}
