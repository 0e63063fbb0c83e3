// Entropy model 0: a hyperprior, and slices of a feature that know each other. FORMAT.md, sections 8.1 and 9.3.

import { ByteReader } from "../base/byte_reader.js";
import { FormatError } from "../base/errors.js";
import type { Kernels } from "../base/kernels.js";
import type { Coding, Requantiser, Rows } from "./coding.js";
import { Hyperprior } from "./hyperprior.js";
import { sliceEdges, type ChannelLayout } from "./layout.js";
import { checkRange, IntegerNetwork, MOST_MULTIPLIER, MOST_SHIFT } from "./network.js";

/** Largest magnitude of a requantised value. */
export const LARGEST_INPUT = 511;
const CHANNEL_NETWORKS = 3;
const UNUSED: Requantiser = { multiplier: 1, shift: 1 };

/** How likely the values of a chunk are. */
export interface EntropyModel {
  /** Multiplications of one anchor. */
  readonly operations: number;
  /** Refuse a device that computes otherwise, by what it says of the first anchors of a chunk. */
  compareAnswer(coding: Coding, voxels: number, expected: number, where: string): void;
  /** Read all symbols from the stream that is open. */
  read(coding: Coding, voxels: number, where: string): void;
}

/** A requantiser's u16 multiplier and u8 shift. */
export function readRequantiser(reader: ByteReader): Requantiser {
  const multiplier = checkRange(reader.u16(), 1, MOST_MULTIPLIER, `${reader.where}, multiplier`);
  const shift = checkRange(reader.u8(), 1, MOST_SHIFT, `${reader.where}, shift`);
  return { multiplier, shift };
}

export class ChannelModel implements EntropyModel {
  private constructor(
    readonly layout: ChannelLayout,
    readonly requantiser: Requantiser,
    readonly hyperprior: Hyperprior,
    readonly networks: readonly IntegerNetwork[],
  ) {}

  /** Read it; its hyperprior may have inputs behind the encoding. */
  static read(kernels: Kernels, bytes: Uint8Array, layout: ChannelLayout, where: string, beside = 0): ChannelModel {
    const reader = new ByteReader(bytes, where);
    const requantiser = readRequantiser(reader);
    const count = reader.u8();
    if (count !== 0 && count !== CHANNEL_NETWORKS) {
      throw new FormatError(
        `${where}: ${count} channel networks, expected 0 or ${CHANNEL_NETWORKS}; the file is damaged`,
      );
    }
    const hyperprior = Hyperprior.read(kernels, reader.sized(), layout.outputs, `${where}, hyperprior`, beside);
    const networks = reader.many(count, function () {
      return IntegerNetwork.read(kernels, this.sized(), `${where}, channel network`);
    });
    reader.end();
    const edges = sliceEdges(layout.types[0].width);
    networks.forEach((network, i) => {
      const [start, end] = [edges[i + 1]!, edges[i + 2]!];
      network.require(start, 2 * (end - start), LARGEST_INPUT, `${where}, channel network ${i}`);
    });
    return new ChannelModel(layout, requantiser, hyperprior, networks);
  }

  /** A hyperprior alone, as NETS may have it. */
  static readHyperprior(kernels: Kernels, bytes: Uint8Array, layout: ChannelLayout, where: string): ChannelModel {
    return new ChannelModel(layout, UNUSED, Hyperprior.read(kernels, bytes, layout.outputs, where), []);
  }

  get operations(): number {
    return this.networks.reduce((sum, network) => sum + network.operations, this.hyperprior.operations);
  }

  compareAnswer(coding: Coding, voxels: number, expected: number, where: string): void {
    this.predict(coding, voxels);
    coding.compareAnswer(expected, 0, where);
  }

  /** What the hyperprior says of all anchors, given its inputs behind the encoding (i32), if any. */
  predict(coding: Coding, voxels: number, others = 0): void {
    const take = (outputs: number, first: number, count: number): void => coding.takePrior(outputs, first, count);
    this.hyperprior.evaluate(voxels, coding.anchors, take, others);
  }

  read(coding: Coding, voxels: number, where: string): void {
    this.predict(coding, voxels);
    for (const type of this.layout.types.slice(1)) coding.read(type, coding.every, type.first, type.width, where);
    this.readFirst(coding, coding.every, where);
  }

  /** Read the first type of some anchors, slice by slice. */
  readFirst(coding: Coding, rows: Rows, where: string): void {
    const type = this.layout.types[0];
    const edges = this.networks.length > 0 ? sliceEdges(type.width) : [0, type.width];
    for (let i = 0; i + 1 < edges.length; i++) {
      const [start, width] = [edges[i]!, edges[i + 1]! - edges[i]!];
      const network = this.networks[i - 1];
      if (network !== undefined) {
        coding.kernels.scope(() => {
          coding.correct(network, coding.inputsOf(this.requantiser, rows, start), rows, start, width);
        });
      }
      coding.read(type, rows, start, width, where);
    }
  }
}
