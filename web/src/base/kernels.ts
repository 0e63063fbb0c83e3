// The WebAssembly kernels of assembly/, and the memory that they are given.
//
// Memory is a stack: what a `scope` allocates is free when it ends. Views are made anew after each allocation, as
// memory that grows moves.

import { KERNELS, TABLES, type KernelExports } from "../embedded.js";
import { decodeBase64 } from "./base64.js";
import { FormatError, LimitExceeded } from "./errors.js";

const PAGE = 65536;
const ALIGNMENT = 16;
/** Bytes that are copied at once where the whole is not needed here. */
const PIECE = 2 ** 20;

/** Why a kernel refused, by the number that it answered (assembly/status.ts). */
const REFUSALS = [
  "",
  "its stream does not end where its writer ended it",
  "its tree has another number of points than the table of contents says",
  "the states of its lanes are wrong",
  "its words are too few or too many",
  "a value is larger than any that can be coded",
  "bits are left over that should be zeros",
];

/** Where the tables of FORMAT.md, section 14, lie; i32 each. */
export interface Tables {
  readonly steps: number;
  readonly logSteps: number;
  readonly sines: number;
}

export class Kernels {
  /** What assembly/index.ts exports; pointers are numbers of bytes. */
  readonly call: KernelExports;
  readonly tables: Tables;
  /** Bytes that WebAssembly addresses. */
  readonly most = 2 ** 32 - PAGE;
  /** Bytes that may be allocated. */
  bound = this.most;
  #top: number;

  private constructor(instance: WebAssembly.Instance) {
    this.call = instance.exports as unknown as KernelExports;
    this.#top = this.call.initialise() >>> 0;
    const symbols = decodeBase64(TABLES.symbols);
    const into = this.allocate(this.call.tablesWork(symbols.length / 2));
    this.scope(() => this.call.prepareTables(this.put(symbols), into));
    const put = (text: string): number => this.put(decodeBase64(text));
    this.tables = { steps: put(TABLES.steps), logSteps: put(TABLES.logSteps), sines: put(TABLES.sines) };
  }

  /** For pages: compiles beside what else happens. */
  static async create(): Promise<Kernels> {
    return new Kernels((await WebAssembly.instantiate(decodeBase64(KERNELS))).instance);
  }

  /** For workers and programs; browsers refuse it on pages. */
  static createSync(): Kernels {
    return new Kernels(new WebAssembly.Instance(new WebAssembly.Module(decodeBase64(KERNELS))));
  }

  /** Do some work, and free what it allocated. */
  scope<T>(work: () => T): T {
    const top = this.#top;
    try {
      return work();
    } finally {
      this.#top = top;
    }
  }

  /** What frees all that is allocated from now on: a scope for work that waits for others. */
  hold(): () => void {
    const top = this.#top;
    return () => {
      this.#top = top;
    };
  }

  /**
   * Where there is room for `bytes` bytes, whatever is in them.
   *
   * @throws LimitExceeded There is not.
   */
  allocate(bytes: number): number {
    const start = this.#top;
    const end = Math.ceil((start + bytes) / ALIGNMENT) * ALIGNMENT;
    const memory = this.call.memory;
    if (end > this.bound)
      throw new LimitExceeded(`the decoder needs ${end} bytes of memory, it may take ${this.bound}`);
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) {
      try {
        memory.grow(Math.ceil(missing / PAGE));
      } catch {
        throw new LimitExceeded(`the decoder needs ${end} bytes of memory, more than this machine gives`);
      }
    }
    this.#top = end;
    return start;
  }

  /** Where room is that is filled with zeros. */
  zeros(bytes: number): number {
    const at = this.allocate(bytes);
    this.u8(at, bytes).fill(0);
    return at;
  }

  /** Where a copy of an array lies. */
  put(data: ArrayBufferView): number {
    const at = this.allocate(data.byteLength);
    this.u8(at, data.byteLength).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    return at;
  }

  u8(at: number, count: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer, at, count);
  }

  i16(at: number, count: number): Int16Array<ArrayBuffer> {
    return new Int16Array(this.#buffer, at, count);
  }

  i32(at: number, count: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#buffer, at, count);
  }

  i64(at: number, count: number): BigInt64Array<ArrayBuffer> {
    return new BigInt64Array(this.#buffer, at, count);
  }

  f32(at: number, count: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#buffer, at, count);
  }

  /** CRC-32 of bytes in this memory that follow on bytes with the CRC-32 `before`. */
  crcAt(at: number, bytes: number, before = 0): number {
    return this.call.crc32(at, bytes, before) >>> 0;
  }

  /** CRC-32 of bytes. */
  crc(data: Uint8Array): number {
    let crc = 0;
    for (let start = 0; start < data.length; start += PIECE) {
      const piece = data.subarray(start, start + PIECE);
      crc = this.scope(() => this.crcAt(this.put(piece), piece.length, crc));
    }
    return crc;
  }

  get #buffer(): ArrayBuffer {
    return this.call.memory.buffer as ArrayBuffer;
  }
}

/** Refuse what a kernel refused. */
export function accept(status: number, where: string): void {
  if (status !== 0) throw new FormatError(`${where}: ${REFUSALS[status]}; the file is damaged`);
}

/** Refuse decoded content with another checksum than the table of contents has. */
export function compareCrc(expected: number, found: number, where: string): void {
  if (expected === found) return;
  const hex = (crc: number): string => `0x${crc.toString(16).padStart(8, "0")}`;
  throw new FormatError(`${where}: decoded content has the checksum ${hex(found)}, expected ${hex(expected)}; damaged`);
}
