// Little-endian numbers, one after the other.

export class ByteWriter {
  #parts: Uint8Array[] = [];

  bytes(bytes: Uint8Array): void {
    this.#parts.push(bytes);
  }

  u8(value: number): void {
    this.#number(1, (view) => view.setUint8(0, value));
  }

  u16(value: number): void {
    this.#number(2, (view) => view.setUint16(0, value, true));
  }

  f64(value: number): void {
    this.#number(8, (view) => view.setFloat64(0, value, true));
  }

  /** All of it. */
  taken(): Uint8Array {
    const all = new Uint8Array(this.#parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #number(size: number, write: (view: DataView) => void): void {
    const view = new DataView(new ArrayBuffer(size));
    write(view);
    this.#parts.push(new Uint8Array(view.buffer));
  }
}
