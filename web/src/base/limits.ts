// What a reader is willing to spend on an untrusted file. Every bound is checked before memory is taken.

import { LimitExceeded } from "./errors.js";

/** Bounds on one file. */
export interface DecodeLimits {
  /** Length of the file. */
  readonly maxFileBytes: number;
  /** Entries of the table of contents. */
  readonly maxSections: number;
  /** Anchors or Gaussians of the whole scene. */
  readonly maxRows: number;
  /** Coded values of one section. */
  readonly maxSymbolsPerChunk: number;
  /** Memory of the decoded scene, and of the decoder at work, each. */
  readonly maxMemoryBytes: number;
  /** Multiplications of all networks in the file, evaluated once for every anchor. */
  readonly maxNetworkOperations: number;
}

/** As in FORMAT.md, section 12, but for memory: WebAssembly addresses 4 GiB. */
export const DEFAULT_LIMITS: DecodeLimits = {
  maxFileBytes: 2 ** 31,
  maxSections: 2 ** 16,
  maxRows: 2 ** 24,
  maxSymbolsPerChunk: 2 ** 26,
  maxMemoryBytes: 2 ** 31,
  maxNetworkOperations: 2 ** 40,
};

/** Refuse `value` where it is above the limit of that name. */
export function checkLimit(limits: DecodeLimits, name: keyof DecodeLimits, value: number, where: string): void {
  const bound = limits[name];
  if (value > bound) {
    throw new LimitExceeded(
      `${where}: ${value} is more than ${name} = ${bound}. If you trust the file, read it with {${name}: ${value}}.`,
    );
  }
}
