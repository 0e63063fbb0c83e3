// A zlib stream (RFC 1950, 1951) into at most so many bytes.

import { FormatError } from "./errors.js";

const MOST_BITS = 15;
const END_OF_BLOCK = 256;
const LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const LENGTH_BASE = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BASE = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12289, 16385, 24577,
];
const DISTANCE_BITS = [
  0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
];

/** Symbols by length of their codes, canonical. */
interface Codes {
  /** How many codes have each length. */
  readonly counts: Uint16Array;
  readonly symbols: Uint16Array;
}

/**
 * The content of one zlib stream that nothing follows.
 *
 * @param where What it is, for messages.
 * @throws FormatError Damaged, cut, followed by others, or longer than `most` bytes.
 */
export function inflate(data: Uint8Array, most: number, where: string): Uint8Array {
  return new Inflater(data, most, where).content();
}

class Inflater {
  #next = 0;
  #held = 0;
  #bits = 0;
  #out: Uint8Array;
  #size = 0;

  constructor(
    readonly data: Uint8Array,
    readonly most: number,
    readonly where: string,
  ) {
    this.#out = new Uint8Array(Math.min(most, Math.max(1024, 4 * data.length)));
  }

  content(): Uint8Array {
    const method = this.#byte();
    const flags = this.#byte();
    if ((method & 15) !== 8 || method >> 4 > 7 || (method * 256 + flags) % 31 !== 0 || flags & 32) {
      throw this.#damaged("its header is none of zlib");
    }
    let last = false;
    while (!last) {
      last = this.#take(1) === 1;
      const kind = this.#take(2);
      if (kind === 0) this.#stored();
      else if (kind === 1) this.#coded(FIXED_LITERALS, FIXED_DISTANCES);
      else if (kind === 2) this.#dynamic();
      else throw this.#damaged("unknown kind of block");
    }
    const content = this.#out.subarray(0, this.#size);
    let sum = 0;
    for (let i = 0; i < 4; i++) sum = sum * 256 + this.#byte();
    if (sum !== adler32(content)) throw this.#damaged("its checksum is wrong");
    if (this.#next < this.data.length) throw this.#damaged("something follows it");
    return content;
  }

  #damaged(why: string): FormatError {
    return new FormatError(`${this.where}: zlib stream: ${why}; the file is damaged`);
  }

  /** The next whole byte; bits that were left of the last one are dropped. */
  #byte(): number {
    this.#held = 0;
    this.#bits = 0;
    if (this.#next >= this.data.length) throw this.#damaged("it is cut");
    return this.data[this.#next++]!;
  }

  #take(count: number): number {
    while (this.#bits < count) {
      if (this.#next >= this.data.length) throw this.#damaged("it is cut");
      this.#held |= this.data[this.#next++]! << this.#bits;
      this.#bits += 8;
    }
    const value = this.#held & ((1 << count) - 1);
    this.#held >>>= count;
    this.#bits -= count;
    return value;
  }

  #symbol(codes: Codes): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= MOST_BITS; length++) {
      code |= this.#take(1);
      const count = codes.counts[length]!;
      if (code - first < count) return codes.symbols[index + code - first]!;
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw this.#damaged("unknown code");
  }

  /** Room for `count` more bytes. */
  #grow(count: number): void {
    const size = this.#size + count;
    if (size > this.most) throw this.#damaged(`more than ${this.most} bytes, which is all that is allowed`);
    if (size <= this.#out.length) return;
    const grown = new Uint8Array(Math.min(this.most, 2 * size));
    grown.set(this.#out.subarray(0, this.#size));
    this.#out = grown;
  }

  #stored(): void {
    const length = this.#byte() | (this.#byte() << 8);
    if ((length ^ 0xffff) !== (this.#byte() | (this.#byte() << 8))) throw this.#damaged("length of a block is wrong");
    if (this.#next + length > this.data.length) throw this.#damaged("it is cut");
    this.#grow(length);
    this.#out.set(this.data.subarray(this.#next, this.#next + length), this.#size);
    this.#next += length;
    this.#size += length;
  }

  #coded(literals: Codes, distances: Codes): void {
    for (;;) {
      const symbol = this.#symbol(literals);
      if (symbol === END_OF_BLOCK) return;
      if (symbol < END_OF_BLOCK) {
        this.#grow(1);
        this.#out[this.#size++] = symbol;
      } else this.#copy(symbol - END_OF_BLOCK - 1, distances);
    }
  }

  #copy(lengthCode: number, distances: Codes): void {
    if (lengthCode >= LENGTH_BASE.length) throw this.#damaged("unknown length");
    const length = LENGTH_BASE[lengthCode]! + this.#take(LENGTH_BITS[lengthCode]!);
    const code = this.#symbol(distances);
    if (code >= DISTANCE_BASE.length) throw this.#damaged("unknown distance");
    const distance = DISTANCE_BASE[code]! + this.#take(DISTANCE_BITS[code]!);
    if (distance > this.#size) throw this.#damaged("a distance leads before its beginning");
    this.#grow(length);
    for (let i = 0; i < length; i++, this.#size++) this.#out[this.#size] = this.#out[this.#size - distance]!;
  }

  #dynamic(): void {
    const literals = this.#take(5) + 257;
    const distances = this.#take(5) + 1;
    const count = this.#take(4) + 4;
    if (literals > 286 || distances > 30) throw this.#damaged("too many codes");
    const own = new Uint8Array(LENGTH_ORDER.length);
    for (let i = 0; i < count; i++) own[LENGTH_ORDER[i]!] = this.#take(3);
    const lengths = this.#lengths(this.#codes(own, true), literals + distances);
    if (!lengths[END_OF_BLOCK]) throw this.#damaged("a block without end");
    this.#coded(this.#codes(lengths.subarray(0, literals)), this.#codes(lengths.subarray(literals)));
  }

  #lengths(codes: Codes, count: number): Uint8Array {
    const lengths = new Uint8Array(count);
    for (let i = 0; i < count;) {
      const symbol = this.#symbol(codes);
      if (symbol < 16) {
        lengths[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0) throw this.#damaged("no length to repeat");
      const value = symbol === 16 ? lengths[i - 1]! : 0;
      const times = symbol === 16 ? 3 + this.#take(2) : symbol === 17 ? 3 + this.#take(3) : 11 + this.#take(7);
      if (i + times > count) throw this.#damaged("too many lengths");
      lengths.fill(value, i, i + times);
      i += times;
    }
    return lengths;
  }

  /** Codes by their lengths: a full set, or, unless `full`, one code of a single bit, or none. */
  #codes(lengths: Uint8Array, full = false): Codes {
    const codes = canonical(lengths);
    let room = 1;
    for (let length = 1; length <= MOST_BITS; length++) {
      room = 2 * room - codes.counts[length]!;
      if (room < 0) throw this.#damaged("too many codes of a length");
    }
    const used = lengths.length - codes.counts[0]!;
    if (room > 0 && (full || used > 1 || used !== codes.counts[1]!)) throw this.#damaged("codes are missing");
    return codes;
  }
}

function canonical(lengths: Uint8Array): Codes {
  const counts = new Uint16Array(MOST_BITS + 1);
  for (const length of lengths) counts[length]!++;
  const next = new Uint16Array(MOST_BITS + 2);
  for (let length = 1; length <= MOST_BITS; length++) next[length + 1] = next[length]! + counts[length]!;
  const symbols = new Uint16Array(lengths.length);
  lengths.forEach((length, symbol) => {
    if (length) symbols[next[length]!++] = symbol;
  });
  return { counts, symbols };
}

const FIXED_LITERALS = canonical(
  Uint8Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
);
const FIXED_DISTANCES = canonical(new Uint8Array(30).fill(5));

function adler32(data: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (let i = 0; i < data.length;) {
    const end = Math.min(data.length, i + 3800);
    for (; i < end; i++) {
      a += data[i]!;
      b += a;
    }
    a %= 65521;
    b %= 65521;
  }
  return b * 65536 + a;
}
