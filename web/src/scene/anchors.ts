// Scenes of anchors: FORMAT.md, sections 2 to 9.

import { newArray, putRows } from "../base/arrays.js";
import { FormatError } from "../base/errors.js";
import { compareCrc, type Kernels } from "../base/kernels.js";
import { checkLimit, type DecodeLimits } from "../base/limits.js";
import type { Container } from "../container/container.js";
import { nameOf, SEMANTIC_KINDS, type Entry } from "../container/kinds.js";
import type { EntropyModel } from "../networks/channel_model.js";
import { ChannelLayout } from "../networks/layout.js";
import { readModel } from "../networks/models.js";
import { checkRoomForBits, decodeMasks, packBits } from "../streams/bits.js";
import { checkRoomForPoints, decodePositions } from "../streams/positions.js";
import type { AnchorFacts, Meta } from "./meta.js";
import { readRenderNetworks, renderOperations, type RenderNetworks } from "./render_networks.js";
import { checkCodec, checkCoder, compareAnswer, decodeValues } from "./values.js";

const ANCHOR_KINDS = ["META", "NETE", "NETR", "POSI", "MASK", "COLR", ...SEMANTIC_KINDS];

/** Attributes of anchors, a row for each, in the order of the chunks. */
export interface AnchorArrays {
  /** x, y, z. */
  readonly voxels: Int32Array;
  readonly feature: Float32Array;
  /** Six. */
  readonly scaling: Float32Array;
  /** Three for each slot. */
  readonly offset: Float32Array;
  /** 1 for each slot that is drawn, else 0. */
  readonly mask: Uint8Array;
}

/** Sections of one chunk. */
type Chunk = readonly [positions: Entry, masks: Entry, colours: Entry];

export class AnchorReader {
  readonly facts: AnchorFacts;
  readonly networks: RenderNetworks;
  readonly arrays: AnchorArrays;
  readonly rows: number;
  readonly #layout: ChannelLayout;
  readonly #model: EntropyModel;
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
    const { kernels } = container;
    this.facts = meta.anchorFacts();
    const { featureDim, numOffsets } = this.facts;
    this.#layout = ChannelLayout.ofColour(featureDim, numOffsets);
    const content = container.content("NETE");
    this.#model = readModel(kernels, content.model, content.bytes, this.#layout, "NETE");
    this.networks = readRenderNetworks(container.content("NETR").bytes, featureDim, numOffsets);
    const chunks = chunksOf(container);
    this.chunks = wanted(chunks.length).map((number) => chunks[number]!);
    this.rows = this.chunks.reduce((sum, [positions]) => sum + positions.rows, 0);
    const { channels } = this.#layout;
    checkLimit(limits, "maxMemoryBytes", this.rows * (4 * channels + numOffsets + 12), "the decoded scene");
    for (const chunk of this.chunks) this.#check(chunk);
    this.arrays = {
      voxels: newArray(Int32Array, 3 * this.rows),
      feature: newArray(Float32Array, featureDim * this.rows),
      scaling: newArray(Float32Array, 6 * this.rows),
      offset: newArray(Float32Array, 3 * numOffsets * this.rows),
      mask: newArray(Uint8Array, numOffsets * this.rows),
    };
  }

  /** Multiplications of one anchor. */
  get operations(): number {
    return this.#model.operations + renderOperations(this.networks);
  }

  /** Decode the next chunk into the arrays; how many rows are filled then. */
  next(number: number): number {
    const chunk = this.chunks[number]!;
    this.container.kernels.scope(() => this.#decode(chunk));
    return this.#filled;
  }

  /** Copy the next chunk, which was decoded elsewhere, into the arrays; how many rows are filled then. */
  take(number: number, scene: object): number {
    const { rows } = this.chunks[number]![0];
    putRows({ ...this.arrays }, { ...scene }, this.#filled, rows, this.rows);
    this.#filled += rows;
    return this.#filled;
  }

  #check(chunk: Chunk): void {
    const [positions, masks, colours] = chunk;
    const { rows } = positions;
    if (rows === 0 || masks.rows !== rows || colours.rows !== rows) {
      throw new FormatError(`${nameOf(colours)}: positions, masks and colours differ in their anchors, or have none`);
    }
    checkCodec(positions);
    checkCodec(masks);
    checkCoder(colours);
    const bits = rows * this.facts.numOffsets;
    if (masks.symbols !== bits) {
      throw new FormatError(`${nameOf(masks)}: promises ${masks.symbols} bits, ${rows} anchors have ${bits}; damaged`);
    }
    checkRoomForPoints(positions.length, rows, nameOf(positions));
    checkRoomForBits(masks.length, bits, nameOf(masks));
  }

  #decode([positions, masks, colours]: Chunk): void {
    const { kernels } = this.container;
    const { rows } = positions;
    const slots = this.facts.numOffsets;
    const voxels = decodePositions(kernels, this.container.body(positions), rows, nameOf(positions));
    compareCrc(positions.decodedCrc, kernels.crcAt(voxels, 12 * rows), nameOf(positions));
    const mask = decodeMasks(kernels, this.container.body(masks), rows, slots, nameOf(masks));
    compareCrc(masks.decodedCrc, kernels.crc(packBits(kernels.u8(mask, rows * slots))), nameOf(masks));
    const coded = this.#codedChannels(kernels, mask, rows);
    const stream = this.container.body(colours);
    compareAnswer(kernels, this.#model, this.#layout, colours, voxels, rows);
    const values = { entry: colours, stream, voxels, anchors: rows, coded };
    const coding = decodeValues(kernels, this.#model, this.#layout, values);
    compareCrc(colours.decodedCrc, kernels.crcAt(coding.values, coding.valueBytes), nameOf(colours));
    const first = this.#filled;
    const { arrays, facts } = this;
    arrays.voxels.set(kernels.i32(voxels, 3 * rows), 3 * first);
    arrays.mask.set(kernels.u8(mask, slots * rows), slots * first);
    [arrays.feature, arrays.scaling, arrays.offset].forEach((array, number) => {
      const type = this.#layout.types[number]!;
      array.set(coding.realValues(type, facts.baseSteps[number]! / 65536), type.width * first);
    });
    this.#filled += rows;
  }

  /** Which channels are coded: all but those of offsets that are not kept. */
  #codedChannels(kernels: Kernels, mask: number, rows: number): number {
    const { channels, types } = this.#layout;
    const slots = this.facts.numOffsets;
    const coded = kernels.allocate(rows * channels);
    const flags = kernels.u8(coded, rows * channels).fill(1);
    const kept = kernels.u8(mask, rows * slots);
    for (let row = 0, i = 0; row < rows; row++) {
      let at = row * channels + types[2]!.first;
      for (const end = at + 3 * slots; at < end; at += 3, i++) {
        if (!kept[i]) flags[at] = flags[at + 1] = flags[at + 2] = 0;
      }
    }
    return coded;
  }
}

function chunksOf(container: Container): Chunk[] {
  container.refuseOthers(ANCHOR_KINDS, "a scene of anchors");
  const [positions, masks, colours] = ["POSI", "MASK", "COLR"].map((kind) => container.chunks(kind)) as [
    Entry[],
    Entry[],
    Entry[],
  ];
  if (masks.length !== positions.length || colours.length !== positions.length) {
    throw new FormatError("chunks of positions, masks and colours differ in number; the file is damaged");
  }
  return positions.map((entry, i) => [entry, masks[i]!, colours[i]!] as const);
}
