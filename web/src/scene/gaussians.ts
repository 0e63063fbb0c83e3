// Scenes of plain Gaussians: FORMAT.md, section 16.

import { newArray, putRows } from "../base/arrays.js";
import { FormatError } from "../base/errors.js";
import { compareCrc } from "../base/kernels.js";
import { checkLimit, type DecodeLimits } from "../base/limits.js";
import type { Container } from "../container/container.js";
import { nameOf, SEMANTIC_KINDS, type Entry } from "../container/kinds.js";
import { checkRoomForBits, decodeRows } from "../streams/bits.js";
import { checkRoomForPoints, decodePositions } from "../streams/positions.js";
import type { GaussianFacts, Meta } from "./meta.js";
import { checkCodec } from "./values.js";

const CHANNELS = [10, 19, 34, 55];
const GAUSSIAN_KINDS = ["META", "POSI", "SPLT", ...SEMANTIC_KINDS];

/** Gaussians, a row for each, in the order of the chunks. */
export interface GaussianArrays {
  /** x, y, z. */
  readonly voxels: Int32Array;
  /** Whole numbers of steps; see FORMAT.md, section 16.1. */
  readonly values: Int32Array;
}

/** Sections of one chunk. */
type Chunk = readonly [positions: Entry, rows: Entry];

export class GaussianReader {
  readonly facts: GaussianFacts;
  readonly channels: number;
  readonly arrays: GaussianArrays;
  readonly rows: number;
  /** Of networks: there are none. */
  readonly operations = 0;
  /** Sections of each chunk that is wanted. */
  readonly chunks: readonly Chunk[];
  #filled = 0;

  /** Read all but the bodies of chunks; what can be refused is refused before memory is taken. */
  constructor(
    readonly container: Container,
    meta: Meta,
    wanted: (count: number) => readonly number[],
    limits: DecodeLimits,
  ) {
    this.facts = meta.gaussianFacts();
    this.channels = CHANNELS[this.facts.degree]!;
    const chunks = chunksOf(container);
    this.chunks = wanted(chunks.length).map((number) => chunks[number]!);
    this.rows = this.chunks.reduce((sum, [positions]) => sum + positions.rows, 0);
    checkLimit(limits, "maxMemoryBytes", 4 * this.rows * (this.channels + 3), "the decoded scene");
    for (const chunk of this.chunks) this.#check(chunk);
    this.arrays = {
      voxels: newArray(Int32Array, 3 * this.rows),
      values: newArray(Int32Array, this.channels * this.rows),
    };
  }

  /** Decode the next chunk into the arrays; how many rows are filled then. */
  next(number: number): number {
    const { kernels } = this.container;
    const [positions, entry] = this.chunks[number]!;
    const { rows } = positions;
    kernels.scope(() => {
      const voxels = decodePositions(kernels, this.container.body(positions), rows, nameOf(positions));
      compareCrc(positions.decodedCrc, kernels.crcAt(voxels, 12 * rows), nameOf(positions));
      const values = decodeRows(kernels, this.container.body(entry), voxels, rows, this.channels, nameOf(entry));
      compareCrc(entry.decodedCrc, kernels.crcAt(values, 4 * rows * this.channels), nameOf(entry));
      this.arrays.voxels.set(kernels.i32(voxels, 3 * rows), 3 * this.#filled);
      this.arrays.values.set(kernels.i32(values, rows * this.channels), this.channels * this.#filled);
    });
    this.#filled += rows;
    return this.#filled;
  }

  /** Copy the next chunk, which was decoded elsewhere, into the arrays; how many rows are filled then. */
  take(number: number, scene: object): number {
    const { rows } = this.chunks[number]![0];
    putRows({ ...this.arrays }, { ...scene }, this.#filled, rows, this.rows);
    this.#filled += rows;
    return this.#filled;
  }

  #check([positions, entry]: Chunk): void {
    const { rows } = positions;
    if (rows === 0 || entry.rows !== rows || entry.symbols !== rows * this.channels) {
      throw new FormatError(`${nameOf(entry)}: not the Gaussians of its positions, or none; the file is damaged`);
    }
    checkCodec(positions);
    checkCodec(entry);
    checkRoomForPoints(positions.length, rows, nameOf(positions));
    checkRoomForBits(entry.length, entry.symbols, nameOf(entry));
  }
}

function chunksOf(container: Container): Chunk[] {
  container.refuseOthers(GAUSSIAN_KINDS, "a scene of Gaussians");
  const [positions, rows] = [container.chunks("POSI"), container.chunks("SPLT")];
  if (positions.length !== rows.length) throw new FormatError("POSI and SPLT differ in number; the file is damaged");
  return positions.map((entry, i) => [entry, rows[i]!] as const);
}
