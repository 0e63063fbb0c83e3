// A .csg file as sections of bytes: FORMAT.md, section 1. Bodies are checked when they are asked for.

import { FormatError, UnsupportedVersion } from "../base/errors.js";
import { inflate } from "../base/inflate.js";
import { compareCrc, type Kernels } from "../base/kernels.js";
import type { DecodeLimits } from "../base/limits.js";
import { HEADER_BYTES, parseHeader, parseToc, type Header } from "./front.js";
import { endOf, KINDS, nameOf, SEMANTIC, type Entry } from "./kinds.js";

const MOST_CONTENT = 2 ** 24;
const MOST_OF_KIND: Readonly<Record<string, number>> = { META: 2 ** 16, EDIT: 2 ** 20 };
const MODELLED = new Set(["NETE", "NETS"]);

/** Where the bytes of a file come from: memory, or what a page has fetched of it. */
export interface ByteSource {
  /** Number of bytes that can be read. */
  readonly size: number;
  /** `length` bytes from `offset` on; both lie inside `size`. */
  read(offset: number, length: number): Uint8Array;
}

/** A whole file in memory. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}

/** The content of a section that occurs once. */
export interface Content {
  readonly bytes: Uint8Array;
  /** Number of the entropy model, of the kinds that hold one. */
  readonly model: number;
  /** What it is, for messages. */
  readonly where: string;
}

export class Container {
  private constructor(
    readonly header: Header,
    /** Every section that is wholly there, in the order of the file. */
    readonly entries: readonly Entry[],
    /** Sections of the semantic layer that were cut off. */
    readonly missing: readonly Entry[],
    readonly kernels: Kernels,
    readonly source: ByteSource,
  ) {}

  /**
   * Open a file: check header and table of contents, read no body.
   *
   * @throws FormatError Not a .csg file, damaged, or cut before the end of its colours.
   * @throws UnsupportedVersion It needs a newer reader.
   * @throws LimitExceeded It is larger than `limits` allow.
   */
  static open(source: ByteSource, kernels: Kernels, limits: DecodeLimits): Container {
    const header = parseHeader(source.read(0, Math.min(HEADER_BYTES, source.size)), limits);
    if (source.size > header.fileLength) {
      throw new FormatError(
        `the file has ${source.size} bytes, its header says ${header.fileLength}; more was appended`,
      );
    }
    if (source.size < header.tocEnd) {
      throw new FormatError(
        `the file has ${source.size} bytes, its table of contents ends at ${header.tocEnd}; it is cut`,
      );
    }
    const entries = parseToc(source.read(0, header.tocEnd), header, limits, (bytes) => kernels.crc(bytes));
    const present = entries.filter((entry) => endOf(entry) <= source.size);
    const missing = entries.slice(present.length);
    if (missing[0] !== undefined && missing[0].layer < SEMANTIC) {
      throw new FormatError(
        `the file is cut at byte ${source.size} of ${header.fileLength}, before ${nameOf(missing[0])} ends; fetch it again`,
      );
    }
    return new Container(header, present, missing, kernels, source);
  }

  /** Whether the file ends early; what is left is complete but for the semantic layer. */
  get cut(): boolean {
    return this.source.size < this.header.fileLength;
  }

  /** Sections of one kind, by chunk. */
  ofKind(kind: string): Entry[] {
    return this.entries.filter((entry) => entry.kind === kind).sort((a, b) => a.chunk - b.chunk);
  }

  /** Sections of one kind that share out all rows, in the order of the rows. */
  chunks(kind: string): Entry[] {
    const found = this.ofKind(kind);
    let expected = 0;
    found.forEach((entry, number) => {
      if (entry.chunk !== number || entry.firstRow !== expected) {
        throw new FormatError(
          `${nameOf(entry)}: expected chunk ${number} from row ${expected} on; the file is damaged`,
        );
      }
      expected += entry.rows;
    });
    if (expected !== this.header.rows) {
      throw new FormatError(`${kind} chunks hold ${expected} rows, the scene has ${this.header.rows}; one is missing`);
    }
    return found;
  }

  /** Refuse sections of known kinds that a file of some sort does not have: it has `kinds`. */
  refuseOthers(kinds: readonly string[], what: string): void {
    const strange = this.entries.find(({ kind }) => KINDS.has(kind) && !kinds.includes(kind));
    if (strange !== undefined) {
      throw new FormatError(`${nameOf(strange)}: ${what} has no such sections; the file is damaged`);
    }
  }

  /** The body of a section; its checksum and the zeros behind it are compared. */
  body(entry: Entry): Uint8Array {
    const length = endOf(entry) - entry.offset;
    const padded = this.source.read(entry.offset, length);
    if (padded.length !== length) throw new FormatError(`${nameOf(entry)}: the file changed while it was read`);
    if (padded.subarray(entry.length).some(Boolean)) {
      throw new FormatError(`${nameOf(entry)}: expected zeros behind its body; the file is damaged`);
    }
    const body = padded.subarray(0, entry.length);
    if (this.kernels.crc(body) !== entry.storedCrc) {
      throw new FormatError(`${nameOf(entry)}: its checksum is wrong; the file is damaged, fetch it again`);
    }
    return body;
  }

  /** The plain content of a section that must occur once. */
  content(kind: string): Content {
    const [entry, ...others] = this.ofKind(kind);
    if (entry === undefined || others.length > 0) {
      throw new FormatError(
        `${kind} occurs ${others.length + (entry ? 1 : 0)} times, expected once; the file is damaged`,
      );
    }
    if (entry.codec > 1 && !MODELLED.has(kind)) {
      throw new UnsupportedVersion(
        `${kind}: codec ${entry.codec} is unknown, expected 0 or 1; a newer reader is needed`,
      );
    }
    const most = MOST_OF_KIND[kind] ?? MOST_CONTENT;
    const body = this.body(entry);
    if (entry.codec % 2 === 0 && body.length > most) throw new FormatError(`${kind}: more than ${most} bytes`);
    const bytes = entry.codec % 2 ? inflate(body, most, kind) : body;
    compareCrc(entry.decodedCrc, this.kernels.crc(bytes), kind);
    return { bytes, model: entry.codec >> 1, where: kind };
  }
}
