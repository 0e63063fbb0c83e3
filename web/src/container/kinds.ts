// The kinds of sections that this reader knows, and what the table of contents may say of each.

import { FormatError } from "../base/errors.js";

export const COMMON = 0;
export const COLOUR = 1;
export const SEMANTIC = 2;

/** A section as the table of contents lists it. */
export interface Entry {
  readonly kind: string;
  readonly critical: boolean;
  readonly layer: number;
  readonly codec: number;
  readonly chunk: number;
  readonly symbols: number;
  /** First byte of the body in the file. */
  readonly offset: number;
  /** Bytes of the body, without padding. */
  readonly length: number;
  readonly firstRow: number;
  readonly rows: number;
  readonly storedCrc: number;
  readonly decodedCrc: number;
  readonly knownAnswerCrc: number;
}

/** What holds for all sections of a kind. */
interface Kind {
  readonly layer: number;
  readonly critical: boolean;
  /** They share out the rows of the scene; else they are about none. */
  readonly chunked: boolean;
  /** They say how many values they hold. */
  readonly counted: boolean;
  /** They say what a network answers. */
  readonly answered: boolean;
}

const ONCE = { critical: true, chunked: false, counted: false, answered: false };
const COUNTED = { critical: true, chunked: true, counted: true, answered: false };

export const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ["META", { ...ONCE, layer: COMMON }],
  ["NETE", { ...ONCE, layer: COMMON }],
  ["NETR", { ...ONCE, layer: COMMON }],
  ["POSI", { ...COUNTED, layer: COMMON, counted: false }],
  ["MASK", { ...COUNTED, layer: COLOUR }],
  ["COLR", { ...COUNTED, layer: COLOUR, answered: true }],
  ["SPLT", { ...COUNTED, layer: COLOUR }],
  ["PART", { ...COUNTED, layer: COLOUR, counted: false }],
  ["NETS", { ...ONCE, layer: SEMANTIC, critical: false }],
  ["LABL", { ...ONCE, layer: SEMANTIC, critical: false }],
  ["OPAC", { ...ONCE, layer: SEMANTIC, critical: false }],
  ["TREE", { ...ONCE, layer: SEMANTIC, critical: false }],
  ["SEMA", { ...COUNTED, layer: SEMANTIC, critical: false, answered: true }],
  ["EDIT", { ...ONCE, layer: SEMANTIC }],
]);

/** Of the layer that may be cut off, whatever a scene is made of. */
export const SEMANTIC_KINDS = [...KINDS].filter(([, { layer }]) => layer === SEMANTIC).map(([name]) => name);

/** What a section is called in messages. */
export function nameOf(entry: Entry): string {
  return `section ${entry.kind} chunk ${entry.chunk}`;
}

/** One past the last byte of a section, padding included. */
export function endOf(entry: Entry): number {
  return Math.ceil((entry.offset + entry.length) / 8) * 8;
}

/** Refuse what no section of a known kind says. */
export function checkKind(entry: Entry): void {
  const kind = KINDS.get(entry.kind);
  if (kind === undefined) return;
  if (entry.layer !== kind.layer || entry.critical !== kind.critical) {
    throw new FormatError(
      `${nameOf(entry)}: layer ${entry.layer}, critical ${entry.critical}; expected ${kind.layer}, ${kind.critical}`,
    );
  }
  const strange =
    (!kind.chunked && (entry.chunk || entry.firstRow || entry.rows)) ||
    (!kind.counted && entry.symbols) ||
    (!kind.answered && entry.knownAnswerCrc);
  if (strange) {
    throw new FormatError(`${nameOf(entry)}: expected zeros where its kind defines nothing; the file is damaged`);
  }
}
