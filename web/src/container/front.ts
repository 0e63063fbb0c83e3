// Header and table of contents: FORMAT.md, sections 1.1 and 1.2.

import { FormatError, UnsupportedVersion } from "../base/errors.js";
import { checkLimit, type DecodeLimits } from "../base/limits.js";
import { checkKind, endOf, KINDS, nameOf, SEMANTIC, type Entry } from "./kinds.js";

export const HEADER_BYTES = 64;
export const ENTRY_BYTES = 56;
const MAGIC = [0x89, 0x43, 0x53, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const MAJOR = 1;
export const CRC_OFFSET = 44;
export const CRITICAL = 1;
/** Flags of an entry that must be known; the others may be ignored. */
const ENTRY_FLAGS = 0x00ff;
/** Header flag: the scene is not made of anchors. */
const REPRESENTATION = 1;
const FOREIGN: readonly (readonly [string, string])[] = [
  ["ply", "a PLY file"],
  ["NGSP", "an SPZ file"],
  ["\u001f\u008b", "a gzip archive, perhaps an older SPZ file"],
  ["PK", "a ZIP archive, perhaps a SOG file"],
  ["glTF", "a GLB file"],
];

/** The first 64 bytes. */
export interface Header {
  readonly minor: number;
  /** The scene is not made of anchors: META says of what. */
  readonly represented: boolean;
  readonly sections: number;
  readonly fileLength: number;
  /** Of the scene: its anchors, or what another representation is made of. */
  readonly rows: number;
  /** One past the last byte of the table of contents. */
  readonly tocEnd: number;
}

/** Read the first 64 bytes; their checksum is compared by `parseToc`. */
export function parseHeader(bytes: Uint8Array, limits: DecodeLimits): Header {
  if (bytes.length < HEADER_BYTES) {
    throw new FormatError(`the file has ${bytes.length} bytes, the header alone needs ${HEADER_BYTES}; it is cut`);
  }
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    const start = String.fromCharCode(...bytes.subarray(0, 8));
    const known = FOREIGN.find(([magic]) => start.startsWith(magic));
    throw new FormatError(`this is no .csg file, but ${known?.[1] ?? "of another kind, or a text-mode copy of one"}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const major = view.getUint16(8, true);
  const minor = view.getUint16(10, true);
  const flags = view.getUint32(12, true);
  if (major !== MAJOR) {
    throw new UnsupportedVersion(`format version ${major}.${minor}, this reader knows ${MAJOR}.x; use a newer one`);
  }
  if (flags & ~REPRESENTATION) {
    throw new UnsupportedVersion(`unknown must-understand flags 0x${flags.toString(16)}; a newer reader is needed`);
  }
  if (view.getBigUint64(32, true) !== BigInt(HEADER_BYTES)) {
    throw new FormatError(`bytes 32 to 39: expected the table of contents at ${HEADER_BYTES}; the file is damaged`);
  }
  if (bytes.subarray(48, 64).some(Boolean))
    throw new FormatError("bytes 48 to 63: expected zeros; the file is damaged");
  const sections = view.getUint32(20, true);
  const fileLength = Number(view.getBigUint64(24, true));
  const rows = view.getUint32(40, true);
  checkLimit(limits, "maxFileBytes", fileLength, "bytes 24 to 31, file length");
  checkLimit(limits, "maxSections", sections, "bytes 20 to 23, number of sections");
  checkLimit(limits, "maxRows", rows, "bytes 40 to 43, number of rows");
  const tocEnd = HEADER_BYTES + ENTRY_BYTES * sections;
  if (fileLength % 8 || fileLength < tocEnd) {
    throw new FormatError(
      `bytes 24 to 31: file length ${fileLength}, expected a multiple of 8 and at least ${tocEnd}; the file is damaged`,
    );
  }
  return { minor, represented: (flags & REPRESENTATION) !== 0, sections, fileLength, rows, tocEnd };
}

/**
 * Read and check the table of contents.
 *
 * @param front The first `header.tocEnd` bytes.
 * @param crc32 CRC-32 of bytes.
 */
export function parseToc(
  front: Uint8Array,
  header: Header,
  limits: DecodeLimits,
  crc32: (bytes: Uint8Array) => number,
): Entry[] {
  const zeroed = new Uint8Array(front);
  zeroed.fill(0, CRC_OFFSET, CRC_OFFSET + 4);
  const view = new DataView(front.buffer, front.byteOffset, front.byteLength);
  if (crc32(zeroed) !== view.getUint32(CRC_OFFSET, true)) {
    throw new FormatError("checksum of header and table of contents is wrong; the file is damaged, fetch it again");
  }
  const entries: Entry[] = [];
  for (let place = HEADER_BYTES; place < header.tocEnd; place += ENTRY_BYTES) {
    entries.push(parseEntry(new DataView(front.buffer, front.byteOffset + place, ENTRY_BYTES), place));
  }
  checkOrder(entries, header);
  for (const entry of entries) {
    checkLimit(limits, "maxSymbolsPerChunk", entry.symbols, `${nameOf(entry)}, symbols`);
    if (entry.firstRow + entry.rows > header.rows) {
      throw new FormatError(
        `${nameOf(entry)}: rows ${entry.firstRow} to ${entry.firstRow + entry.rows}, the scene has ${header.rows}; damaged`,
      );
    }
  }
  return entries;
}

function parseEntry(view: DataView, place: number): Entry {
  const kind = String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(i)));
  const where = `table of contents, byte ${place}`;
  if (!/^[A-Z0-9]{4}$/.test(kind)) {
    throw new FormatError(`${where}: expected a kind of four characters out of A-Z and 0-9; the file is damaged`);
  }
  if (view.getUint32(52, true)) throw new FormatError(`${where}: expected zeros at its end; the file is damaged`);
  const flags = view.getUint16(4, true);
  const critical = (flags & CRITICAL) !== 0;
  const layer = view.getUint8(6);
  if (flags & ENTRY_FLAGS & ~CRITICAL) {
    throw new UnsupportedVersion(`${where}, ${kind}: unknown flags; a newer reader is needed`);
  }
  if (critical && !KINDS.has(kind)) {
    throw new UnsupportedVersion(
      `${where}: ${kind} is unknown, and the file cannot be read without it; use a newer reader`,
    );
  }
  if (layer > SEMANTIC) {
    throw new UnsupportedVersion(`${where}, ${kind}: unknown layer ${layer}; a newer reader is needed`);
  }
  const entry: Entry = {
    kind,
    critical,
    layer,
    codec: view.getUint8(7),
    chunk: view.getUint32(8, true),
    symbols: view.getUint32(12, true),
    offset: Number(view.getBigUint64(16, true)),
    length: Number(view.getBigUint64(24, true)),
    firstRow: view.getUint32(32, true),
    rows: view.getUint32(36, true),
    storedCrc: view.getUint32(40, true),
    decodedCrc: view.getUint32(44, true),
    knownAnswerCrc: view.getUint32(48, true),
  };
  checkKind(entry);
  return entry;
}

/** Bodies must tile the rest of the file, the semantic layer last, and no section may come twice. */
function checkOrder(entries: readonly Entry[], header: Header): void {
  const seen = new Set<string>();
  let expected = header.tocEnd;
  let semantic = false;
  for (const entry of entries) {
    const name = nameOf(entry);
    if (entry.offset !== expected) {
      throw new FormatError(`${name}: begins at byte ${entry.offset}, expected ${expected}; the file is damaged`);
    }
    if (entry.length === 0 || endOf(entry) > header.fileLength) {
      throw new FormatError(`${name}: ${entry.length} bytes do not fit into the file; it is damaged`);
    }
    if (semantic && entry.layer < SEMANTIC) throw new FormatError(`${name}: comes after the semantic layer`);
    if (seen.has(name)) throw new FormatError(`${name}: listed twice; the file is damaged`);
    seen.add(name);
    semantic = entry.layer === SEMANTIC;
    expected = endOf(entry);
  }
  if (expected !== header.fileLength) {
    throw new FormatError(`sections end at byte ${expected}, the file at ${header.fileLength}; the file is damaged`);
  }
}
