// Entropy model 1: anchors in waves, which know their neighbours of earlier waves. FORMAT.md, section 8.5.

import { ByteReader } from "../base/byte_reader.js";
import { FormatError } from "../base/errors.js";
import type { Kernels } from "../base/kernels.js";
import type { Coding, Requantiser, Rows } from "./coding.js";
import type { ChannelLayout } from "./layout.js";
import { ChannelModel, LARGEST_INPUT, readRequantiser, type EntropyModel } from "./channel_model.js";
import { checkRange, IntegerNetwork, padded } from "./network.js";

const ACROSS = 1;
const DETAILS = 2;
/** Facts about the neighbours of an anchor, beside what it sees. */
const FACTS = 2;

/** Which neighbours count. */
export interface Selection {
  readonly waves: number;
  readonly most: number;
  readonly reach: number;
}

/** The neighbours of all anchors of a chunk, in the memory of the kernels. */
export interface Near {
  /** Wave (u8) of each anchor. */
  readonly waves: number;
  /** `most` places and weights (i32) of each anchor. */
  readonly rows: number;
  readonly weights: number;
  /** Two facts (i32) of each anchor. */
  readonly facts: number;
}

/** Find the neighbours of `count` anchors. */
export function findNear(kernels: Kernels, voxels: number, count: number, selection: Selection): Near {
  const { most, reach } = selection;
  const waves = kernels.allocate(count);
  const rows = kernels.allocate(4 * count * most);
  const weights = kernels.allocate(4 * count * most);
  const facts = kernels.allocate(8 * count);
  kernels.call.waves(voxels, count, selection.waves, waves);
  kernels.scope(() => {
    const work = kernels.allocate(kernels.call.nearWork(count) >>> 0);
    kernels.call.findNear(voxels, count, waves, most, reach, work, rows, weights, facts);
  });
  return { waves, rows, weights, facts };
}

export class NeighbourModel implements EntropyModel {
  private constructor(
    readonly layout: ChannelLayout,
    readonly selection: Selection,
    /** From values of the first and of the second type to inputs. */
    readonly requantisers: readonly [Requantiser, Requantiser],
    /** What is known of an anchor without others. */
    readonly alone: ChannelModel,
    /** From what is seen of neighbours to corrections of the first type. */
    readonly across: IntegerNetwork | undefined,
    /** From the first type, and what is seen of the second, to corrections of all others. */
    readonly details: IntegerNetwork | undefined,
  ) {}

  static read(kernels: Kernels, bytes: Uint8Array, layout: ChannelLayout, where: string): NeighbourModel {
    const reader = new ByteReader(bytes, where);
    const selection = {
      waves: checkRange(reader.u8(), 1, 16, `${where}, waves`),
      most: checkRange(reader.u8(), 1, 255, `${where}, neighbours`),
      reach: checkRange(reader.u8(), 1, 63, `${where}, reach`),
    };
    const flags = reader.u8();
    if (flags & ~(ACROSS | DETAILS) || (flags & DETAILS && layout.types.length === 1)) {
      throw new FormatError(`${where}: unknown flags ${flags}; the file is damaged`);
    }
    const requantisers = [readRequantiser(reader), readRequantiser(reader)] as const;
    const alone = ChannelModel.read(kernels, reader.sized(), layout, where);
    const network = (flag: number): IntegerNetwork | undefined =>
      flags & flag ? IntegerNetwork.read(kernels, reader.sized(), `${where}, network of neighbours`) : undefined;
    const [across, details] = [network(ACROSS), network(DETAILS)];
    reader.end();
    const [first, second] = layout.types;
    across?.require(first.width + FACTS, 2 * first.width, LARGEST_INPUT, `${where}, network across`);
    const inputs = first.width + (second?.width ?? 0) + FACTS;
    details?.require(inputs, 2 * (layout.channels - first.width), LARGEST_INPUT, `${where}, network of details`);
    return new NeighbourModel(layout, selection, requantisers, alone, across, details);
  }

  get operations(): number {
    const { most, reach } = this.selection;
    const networks = (this.across?.operations ?? 0) + (this.details?.operations ?? 0);
    return this.alone.operations + networks + (3 * (reach + 1)) ** 3 + most * this.#seenChannels;
  }

  compareAnswer(coding: Coding, voxels: number, expected: number, where: string): void {
    this.alone.predict(coding, voxels);
    const { facts } = findNear(coding.kernels, voxels, coding.anchors, this.selection);
    coding.compareAnswer(expected, facts, where);
  }

  read(coding: Coding, voxels: number, where: string): void {
    const { kernels, anchors } = coding;
    this.alone.predict(coding, voxels);
    const stride = padded(this.#seenChannels);
    const near = findNear(kernels, voxels, anchors, this.selection);
    const known = kernels.zeros(2 * anchors * stride);
    const members = this.#members(kernels, near.waves, anchors);
    for (const rows of members) kernels.scope(() => this.#readWave(coding, near, known, rows, where));
  }

  /** Anchors of each wave. */
  #members(kernels: Kernels, waves: number, anchors: number): Rows[] {
    const places: number[][] = Array.from({ length: this.selection.waves }, () => []);
    kernels.u8(waves, anchors).forEach((wave, i) => places[wave]!.push(i));
    return places
      .filter(({ length }) => length > 0)
      .map((rows) => ({ at: kernels.put(Uint32Array.from(rows)), count: rows.length }));
  }

  #readWave(coding: Coding, near: Near, known: number, rows: Rows, where: string): void {
    const [first, second, ...rest] = this.layout.types;
    if (this.across !== undefined) {
      const inputs = this.#inputs(coding, first.width + FACTS, near, rows);
      this.#see(coding, near, known, rows, 0, first.width, inputs);
      coding.correct(this.across, inputs.at, rows, 0, first.width);
    }
    this.alone.readFirst(coding, rows, where);
    this.#remember(coding, known, rows, 0);
    if (second === undefined) return;
    if (this.details !== undefined) {
      const inputs = this.#inputs(coding, first.width + second.width + FACTS, near, rows);
      coding.requantise(this.requantisers[0], rows, 0, first.width, inputs.at, inputs.stride, 0);
      this.#see(coding, near, known, rows, first.width, second.width, inputs);
      coding.correct(this.details, inputs.at, rows, first.width, this.layout.channels - first.width);
    }
    for (const type of [second, ...rest]) coding.read(type, rows, type.first, type.width, where);
    this.#remember(coding, known, rows, 1);
  }

  /** Inputs of a network, zeros but for the facts, which come last. */
  #inputs(coding: Coding, width: number, near: Near, rows: Rows): { at: number; stride: number } {
    const { kernels } = coding;
    const stride = padded(width);
    const at = kernels.zeros(2 * rows.count * stride);
    const inputs = kernels.i16(at, rows.count * stride);
    const places = kernels.i32(rows.at, rows.count);
    const facts = kernels.i32(near.facts, FACTS * coding.anchors);
    places.forEach((place, i) => {
      for (let fact = 0; fact < FACTS; fact++) inputs[i * stride + width - FACTS + fact] = facts[FACTS * place + fact]!;
    });
    return { at, stride };
  }

  /** Write what anchors see of `width` channels into inputs, the channels from number `first` on. */
  #see(
    coding: Coding,
    near: Near,
    known: number,
    rows: Rows,
    first: number,
    width: number,
    inputs: { at: number; stride: number },
  ): void {
    const { call } = coding.kernels;
    const stride = padded(this.#seenChannels);
    const { most } = this.selection;
    call.seen(
      rows.at,
      rows.count,
      most,
      near.rows,
      near.weights,
      known,
      stride,
      first,
      width,
      inputs.at,
      inputs.stride,
      first,
    );
  }

  /** Keep what later waves see of a type (0 or 1) of some anchors. */
  #remember(coding: Coding, known: number, rows: Rows, number: 0 | 1): void {
    const type = this.layout.types[number]!;
    const { kernels } = coding;
    const stride = padded(this.#seenChannels);
    kernels.scope(() => {
      const values = kernels.allocate(2 * rows.count * type.width);
      coding.requantise(this.requantisers[number], rows, type.first, type.width, values, type.width, 0);
      const given = kernels.i16(values, rows.count * type.width);
      const all = kernels.i16(known, coding.anchors * stride);
      kernels.i32(rows.at, rows.count).forEach((place, i) => {
        all.set(given.subarray(i * type.width, (i + 1) * type.width), place * stride + type.first);
      });
    });
  }

  /** Channels that neighbours show: those of the first two types. */
  get #seenChannels(): number {
    return this.layout.types.slice(0, 2).reduce((sum, type) => sum + type.width, 0);
  }
}
