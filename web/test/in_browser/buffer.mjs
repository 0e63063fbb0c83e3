// As much of Buffer as the tests use.

export class Buffer extends Uint8Array {
  static from(source, kind) {
    if (kind === "hex") return Buffer.of(...source.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? []);
    return new Buffer(typeof source === "string" ? new TextEncoder().encode(source) : source);
  }

  static alloc(size) {
    return new Buffer(size);
  }

  static concat(parts) {
    const all = new Buffer(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  toString(kind) {
    if (kind === "hex") return Array.from(this, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return new TextDecoder().decode(this);
  }

  copy(target, at) {
    target.set(this, at);
  }

  get #view() {
    return new DataView(this.buffer, this.byteOffset, this.length);
  }

  writeUInt8(value, at) {
    this.#view.setUint8(at, value);
  }

  writeUInt16LE(value, at) {
    this.#view.setUint16(at, value, true);
  }

  writeInt32LE(value, at) {
    this.#view.setInt32(at, value, true);
  }
}
