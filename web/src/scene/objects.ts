// The objects of a scene, LABL: FORMAT.md, section 10.3.

import { ByteReader } from "../base/byte_reader.js";
import { FormatError } from "../base/errors.js";
import type { Kernels } from "../base/kernels.js";
import { decodeText } from "../base/texts.js";

const CENTRE_UNITS = 16;
const FEATURE_UNITS = 256;
const MOST_EMBEDDING = 4096;
/** A number n of OPAC stands for the power 2^(n / 8). */
const SOLIDITY_STEPS = 8;
const MOST_SOLIDITY = 64;
const FARTHEST_VOXEL = 2 ** 30 + 2 ** 21;
/** Numbers (i64) of an object's sums before those of its feature, see assembly/objects.ts. */
const FIXED_SUMS = 10;
/** Decoded values in a unit of LABL's features. */
const FINER = 256n;

/** An object in units of the scene. */
export interface SceneObject {
  /** Number of the object, from 1 on: what labels say. */
  readonly id: number;
  /** Empty if unknown; to be escaped where it is shown. */
  readonly name: string;
  readonly anchors: number;
  readonly centre: readonly number[];
  /** Corners of the box around its anchors. */
  readonly lowest: readonly number[];
  readonly highest: readonly number[];
  /** Mean feature. */
  readonly feature: readonly number[];
  /** Of length one; undefined if unknown. */
  readonly embedding: readonly number[] | undefined;
  /** Power of the transparency of its Gaussians where one asks which object is seen, at least 1; not for colour. */
  readonly solidity: number;
}

/** Columns of whole numbers, a row for each object. */
interface Table {
  readonly anchors: readonly number[];
  readonly centre: readonly number[][];
  readonly lowest: readonly number[][];
  readonly highest: readonly number[][];
  readonly feature: readonly number[][];
}

export class ObjectTable {
  private constructor(
    readonly encoder: string,
    readonly channels: number,
    readonly names: readonly string[],
    readonly embeddings: readonly (Int8Array | undefined)[],
    readonly table: Table,
  ) {}

  /**
   * Read LABL.
   *
   * @param channels Of a semantic feature.
   * @param anchors Of the scene.
   */
  static read(bytes: Uint8Array, channels: number, anchors: number): ObjectTable {
    const reader = new ByteReader(bytes, "LABL");
    const count = reader.u16();
    const width = reader.u16();
    const encoder = decodeText(reader.take(reader.u8()), "LABL");
    if (width > MOST_EMBEDDING || width > 0 !== encoder.length > 0) {
      throw new FormatError(`LABL: embeddings of ${width} channels by the encoder '${encoder}'; expected both or none`);
    }
    const rows = (size: number): number[][] => reader.many(count, () => reader.many(size, reader.i32));
    const table = {
      anchors: reader.many(count, reader.u32),
      centre: rows(3),
      lowest: rows(3),
      highest: rows(3),
      feature: rows(channels),
    };
    checkTable(table, anchors);
    const names = reader.many(count, () => decodeText(reader.take(reader.u8()), "LABL"));
    const embeddings = width > 0 ? readEmbeddings(reader, count, width) : names.map(() => undefined);
    reader.end();
    return new ObjectTable(encoder, channels, names, embeddings, table);
  }

  get count(): number {
    return this.names.length;
  }

  /**
   * The objects in units of the scene.
   *
   * @param solidity As `readSolidity` gives it.
   */
  objects(voxelSize: number, baseStep: number, solidity: Uint8Array): SceneObject[] {
    const { table } = this;
    const edge = Math.fround(voxelSize);
    return this.names.map((name, i) => ({
      id: i + 1,
      name,
      anchors: table.anchors[i]!,
      centre: table.centre[i]!.map((n) => (n / CENTRE_UNITS) * voxelSize),
      lowest: table.lowest[i]!.map((n) => Math.fround(Math.fround(n) * edge)),
      highest: table.highest[i]!.map((n) => Math.fround(Math.fround(n) * edge)),
      feature: table.feature[i]!.map((n) => (n / FEATURE_UNITS) * baseStep),
      embedding: unit(this.embeddings[i]),
      solidity: 2 ** (solidity[i]! / SOLIDITY_STEPS),
    }));
  }
}

/** Read OPAC, a number of each object: FORMAT.md, section 10.5. */
export function readSolidity(bytes: Uint8Array, objects: number): Uint8Array {
  const largest = bytes.reduce((most, number) => Math.max(most, number), 0);
  if (bytes.length !== objects || largest > MOST_SOLIDITY) {
    throw new FormatError(
      `OPAC: ${bytes.length} numbers, the largest ${largest}; expected one for each of ${objects} objects, at most ${MOST_SOLIDITY}`,
    );
  }
  return bytes;
}

/** Sums over the anchors of each object, in the memory of the kernels: what the table must say. */
export class ObjectSums {
  readonly #sums: number;

  constructor(
    readonly kernels: Kernels,
    readonly objects: ObjectTable,
  ) {
    this.#sums = kernels.allocate(8 * this.#width * objects.count);
    kernels.call.clearSums(this.#sums, objects.count, objects.channels);
  }

  get #width(): number {
    return FIXED_SUMS + this.objects.channels;
  }

  /** Count some anchors, whose labels (i32), voxels (i32) and values (i64) lie in memory. */
  add(labels: number, voxels: number, values: number, count: number): void {
    this.kernels.call.addToSums(this.#sums, labels, voxels, values, count, this.objects.channels);
  }

  /** Refuse a table that says something else. */
  compare(): void {
    const { table, count } = this.objects;
    const sums = this.kernels.i64(this.#sums, this.#width * count);
    for (let i = 0; i < count; i++) {
      const row = sums.subarray(i * this.#width, (i + 1) * this.#width);
      const n = row[0]!;
      const same = (told: readonly number[], found: bigint[]): boolean =>
        told.every((value, j) => BigInt(value) === found[j]);
      const holds =
        n > 0n &&
        same([table.anchors[i]!], [n]) &&
        same(
          table.centre[i]!,
          [...row.subarray(1, 4)].map((sum) => floored(2n * 16n * sum + n, 2n * n)),
        ) &&
        same(table.lowest[i]!, [...row.subarray(4, 7)]) &&
        same(table.highest[i]!, [...row.subarray(7, 10)]) &&
        same(
          table.feature[i]!,
          [...row.subarray(FIXED_SUMS)].map((sum) => floored(2n * sum + FINER * n, 2n * FINER * n)),
        );
      if (!holds) {
        throw new FormatError(`LABL: object ${i + 1} is not that which the labels give; the file is damaged`);
      }
    }
  }
}

function floored(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a < 0n && quotient * b !== a ? quotient - 1n : quotient;
}

function checkTable(table: Table, anchors: number): void {
  let sum = 0;
  table.anchors.forEach((count, i) => {
    sum += count;
    const inside = table.centre[i]!.every((centre, axis) => {
      const [low, high] = [table.lowest[i]![axis]!, table.highest[i]![axis]!];
      const bounded = low >= -FARTHEST_VOXEL && high <= FARTHEST_VOXEL;
      return bounded && low * CENTRE_UNITS <= centre && centre <= high * CENTRE_UNITS;
    });
    if (count < 1 || !inside) {
      throw new FormatError(`LABL: object ${i + 1} has no anchors, or its centre lies outside its box; damaged`);
    }
  });
  if (sum > anchors) throw new FormatError(`LABL: objects of ${sum} anchors, the scene has ${anchors}; damaged`);
}

function readEmbeddings(reader: ByteReader, count: number, width: number): (Int8Array | undefined)[] {
  return reader.many(count, reader.u8).map((flag, i) => {
    if (flag > 1) throw new FormatError("LABL: a flag of an embedding is neither 0 nor 1; the file is damaged");
    if (flag === 0) return undefined;
    const vector = Int8Array.from(reader.take(width), (byte) => (byte << 24) >> 24);
    if (vector.every((part) => part === 0)) throw new FormatError(`LABL: the embedding of object ${i + 1} is zero`);
    return vector;
  });
}

function unit(vector: Int8Array | undefined): readonly number[] | undefined {
  if (vector === undefined) return undefined;
  const length = Math.sqrt(vector.reduce((sum, part) => sum + part * part, 0));
  return Array.from(vector, (part) => part / length);
}
