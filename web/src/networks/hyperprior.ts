// Hyperpriors: FORMAT.md, section 8.2. A spatial encoding of an anchor's voxel, then a network.

import { ByteReader } from "../base/byte_reader.js";
import { FormatError } from "../base/errors.js";
import type { Kernels } from "../base/kernels.js";
import { readLattices, type NumberKind } from "./lattice.js";
import { checkRange, IntegerNetwork, padded } from "./network.js";

const AMPLITUDE = 511;
const SINES = 63;
/** Anchors that are evaluated at once: encodings may be wide. */
const BATCH = 1024;
const INR = 0;
const FACTORISED = 1;
const NUMBERS: ReadonlyMap<number, NumberKind> = new Map([
  [2, { largest: 31, gain: 16 }],
  [3, { largest: 1, gain: AMPLITUDE }],
]);

/** From voxels to inputs of a network. */
interface Encoding {
  readonly channels: number;
  /** Multiplications of one voxel. */
  readonly operations: number;
  /** Write the inputs (i16, `padded` numbers each) of `count` voxels. */
  write(voxels: number, count: number, out: number): void;
}

export class Hyperprior {
  private constructor(
    readonly encoding: Encoding,
    readonly network: IntegerNetwork,
    readonly kernels: Kernels,
    /** Inputs of the network behind the encoding. */
    readonly beside: number,
  ) {}

  /** Read a hyperprior with so many outputs, and inputs behind the encoding. */
  static read(kernels: Kernels, bytes: Uint8Array, outputs: number, where: string, beside = 0): Hyperprior {
    const reader = new ByteReader(bytes, where);
    const kind = reader.u8();
    const corner = reader.many(3, reader.i32);
    const extent = checkRange(reader.u32(), 0, 2 ** 31 - 1, `${where}, extent`);
    const [tables, weights] = [reader.sized(), reader.sized()];
    reader.end();
    const box = kernels.put(Int32Array.of(...corner, extent));
    const encoding = readEncoding(kernels, kind, box, tables, where);
    const network = IntegerNetwork.read(kernels, weights, where);
    network.require(encoding.channels + beside, outputs, AMPLITUDE, where);
    return new Hyperprior(encoding, network, kernels, beside);
  }

  /** Multiplications of one anchor. */
  get operations(): number {
    return this.encoding.operations + this.network.operations;
  }

  /**
   * Give the outputs (i32) of `count` voxels to `take`, some anchors at a time.
   *
   * @param others Where the inputs behind the encoding lie (i32), `beside` of each voxel.
   */
  evaluate(
    voxels: number,
    count: number,
    take: (outputs: number, first: number, count: number) => void,
    others = 0,
  ): void {
    const { network, kernels } = this;
    for (let first = 0; first < count; first += BATCH) {
      const many = Math.min(BATCH, count - first);
      kernels.scope(() => {
        const inputs = this.#inputs(voxels + 12 * first, many, others + 4 * this.beside * first);
        take(network.evaluate(inputs, many), first, many);
      });
    }
  }

  /** Inputs (i16) of the network. */
  #inputs(voxels: number, count: number, others: number): number {
    const { encoding, kernels, beside } = this;
    const width = padded(encoding.channels);
    const encoded = kernels.allocate(2 * count * width);
    encoding.write(voxels, count, encoded);
    if (beside === 0) return encoded;
    const stride = padded(encoding.channels + beside);
    const at = kernels.zeros(2 * count * stride);
    const inputs = kernels.i16(at, count * stride);
    const first = kernels.i16(encoded, count * width);
    const second = kernels.i32(others, count * beside);
    for (let i = 0; i < count; i++) {
      inputs.set(first.subarray(i * width, i * width + encoding.channels), i * stride);
      inputs.set(second.subarray(i * beside, (i + 1) * beside), i * stride + encoding.channels);
    }
    return at;
  }
}

function readEncoding(kernels: Kernels, kind: number, box: number, tables: Uint8Array, where: string): Encoding {
  const numbers = NUMBERS.get(kind);
  if (numbers !== undefined) return interpolated(kernels, box, tables, numbers, where);
  if (kind !== INR && kind !== FACTORISED)
    throw new FormatError(`${where}: its encoding has the unknown number ${kind}`);
  if (tables.length > 0) throw new FormatError(`${where}: tables for an encoding without any; the file is damaged`);
  return kind === INR ? sines(kernels, box) : constant(kernels);
}

function sines(kernels: Kernels, box: number): Encoding {
  return {
    channels: SINES,
    operations: SINES,
    write: (voxels, count, out) => kernels.call.encodeSines(box, voxels, count, kernels.tables.sines, out),
  };
}

/** One input that is always the same. */
function constant(kernels: Kernels): Encoding {
  return {
    channels: 1,
    operations: 1,
    write(_, count, out) {
      const inputs = kernels.i16(out, 8 * count).fill(0);
      for (let i = 0; i < count; i++) inputs[8 * i] = AMPLITUDE;
    },
  };
}

function interpolated(kernels: Kernels, box: number, tables: Uint8Array, numbers: NumberKind, where: string): Encoding {
  const { records, grids, channels, operations } = readLattices(kernels, tables, numbers, where);
  return {
    channels,
    operations,
    write: (voxels, count, out) =>
      kernels.scope(() => {
        const sums = kernels.allocate(4 * channels);
        kernels.call.encodeLattice(box, voxels, count, records, grids, out, padded(channels), sums);
      }),
  };
}
