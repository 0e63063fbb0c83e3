// What the anchors of a scene mean, NETS, SEMA, LABL, OPAC and TREE: FORMAT.md, section 10.

import { newArray } from "../base/arrays.js";
import { ByteReader } from "../base/byte_reader.js";
import { FormatError } from "../base/errors.js";
import { compareCrc } from "../base/kernels.js";
import { checkLimit, type DecodeLimits } from "../base/limits.js";
import type { Container } from "../container/container.js";
import { nameOf, type Entry } from "../container/kinds.js";
import { ChannelModel, type EntropyModel } from "../networks/channel_model.js";
import { ChannelLayout } from "../networks/layout.js";
import { readModel } from "../networks/models.js";
import { checkRange } from "../networks/network.js";
import { decodeLabels } from "../streams/bits.js";
import { ObjectSums, ObjectTable, readSolidity, type SceneObject } from "./objects.js";
import { ObjectTree } from "./tree.js";
import { checkCoder, compareAnswer, decodeValues } from "./values.js";

const KINDS = ["NETS", "LABL", "SEMA"];
const MOST_CHANNELS = 64;
const EVERYWHERE = 1;

/** Features and labels, a row for each anchor, in the order of the chunks. */
export interface SemanticLayer {
  readonly channels: number;
  readonly feature: Float32Array;
  /** Number of the object, 0 for none. */
  readonly label: Int32Array;
  readonly objects: readonly SceneObject[];
  /** Of the embeddings; empty where there are none. */
  readonly textEncoder: string;
  /** What objects are parts of; undefined where the file does not tell. */
  readonly tree: ObjectTree | undefined;
}

/** Whether a file has semantics that are complete. */
function hasSemantics(container: Container): boolean {
  const among = (entries: readonly Entry[]): boolean => entries.some(({ kind }) => KINDS.includes(kind));
  return among(container.entries) && !among(container.missing);
}

/** A reader of the semantic layer; undefined where the file has none or was cut in it. */
export function openSemantics(
  container: Container,
  wanted: (count: number) => readonly number[],
  limits: DecodeLimits,
): SemanticReader | undefined {
  return hasSemantics(container) ? new SemanticReader(container, wanted, limits) : undefined;
}

export class SemanticReader {
  readonly objects: ObjectTable;
  readonly #solidity: Uint8Array;
  readonly #tree: ObjectTree | undefined;
  readonly #everywhere: boolean;
  readonly #baseStep: number;
  readonly #layout: ChannelLayout;
  readonly #model: EntropyModel;
  /** Sections of each chunk that is wanted. */
  readonly chunks: readonly Entry[];
  readonly #whole: boolean;

  constructor(
    readonly container: Container,
    wanted: (count: number) => readonly number[],
    limits: DecodeLimits,
  ) {
    const content = container.content("NETS");
    const reader = new ByteReader(content.bytes, "NETS");
    const channels = checkRange(reader.u16(), 1, MOST_CHANNELS, "NETS, channels");
    this.#everywhere = checkRange(reader.u8(), 0, EVERYWHERE, "NETS, scope") === EVERYWHERE;
    this.#baseStep = reader.f64();
    if (!(this.#baseStep > 0 && this.#baseStep < Infinity)) throw new FormatError("NETS: its step must be positive");
    this.#layout = ChannelLayout.ofSemantics(channels);
    const model = reader.take(reader.left);
    this.#model =
      content.model === 0
        ? ChannelModel.readHyperprior(container.kernels, model, this.#layout, "NETS")
        : readModel(container.kernels, content.model - 1, model, this.#layout, "NETS");
    this.objects = ObjectTable.read(container.content("LABL").bytes, channels, container.header.rows);
    const { count } = this.objects;
    const told = container.ofKind("OPAC").length > 0;
    this.#solidity = told ? readSolidity(container.content("OPAC").bytes, count) : new Uint8Array(count);
    const parts = container.ofKind("TREE").length > 0;
    this.#tree = parts ? ObjectTree.read(container.content("TREE").bytes, count) : undefined;
    const entries = container.chunks("SEMA");
    const positions = container.chunks("POSI");
    if (entries.length !== positions.length || entries.some(({ rows }, i) => rows !== positions[i]!.rows)) {
      throw new FormatError("SEMA: its chunks are not those of the positions; the file is damaged");
    }
    const numbers = wanted(entries.length);
    this.chunks = numbers.map((number) => entries[number]!);
    this.#whole = new Set(numbers).size === entries.length;
    this.chunks.forEach(checkCoder);
    checkLimit(limits, "maxMemoryBytes", this.rows * 4 * (channels + 1), "the decoded semantics");
  }

  /** Anchors of all chunks that are wanted. */
  get rows(): number {
    return this.chunks.reduce((sum, entry) => sum + entry.rows, 0);
  }

  /** Multiplications of one anchor. */
  get operations(): number {
    return this.#model.operations;
  }

  /** Decode all chunks, whose voxels are known. */
  decode(voxels: Int32Array, voxelSize: number): SemanticLayer {
    const { kernels } = this.container;
    const { channels } = this.#layout;
    const anchors = voxels.length / 3;
    const feature = newArray(Float32Array, channels * anchors);
    const label = newArray(Int32Array, anchors);
    kernels.scope(() => {
      const sums = new ObjectSums(kernels, this.objects);
      let first = 0;
      for (const entry of this.chunks) {
        const own = voxels.subarray(3 * first, 3 * (first + entry.rows));
        kernels.scope(() =>
          this.#decodeChunk(entry, own, sums, feature.subarray(first * channels), label.subarray(first)),
        );
        first += entry.rows;
      }
      if (this.#whole) sums.compare();
    });
    const objects = this.objects.objects(voxelSize, this.#baseStep, this.#solidity);
    return { channels, feature, label, objects, textEncoder: this.objects.encoder, tree: this.#tree };
  }

  #decodeChunk(entry: Entry, own: Int32Array, sums: ObjectSums, feature: Float32Array, label: Int32Array): void {
    const { kernels } = this.container;
    const where = nameOf(entry);
    const { rows } = entry;
    const { channels } = this.#layout;
    const reader = new ByteReader(this.container.body(entry), where);
    const stream = reader.sized();
    const labels = decodeLabels(kernels, reader.take(reader.left), rows, this.objects.count, where);
    compareAnswer(kernels, this.#model, this.#layout, entry, kernels.put(own), rows);
    const described = this.#described(kernels.i32(labels, rows));
    const values = kernels.zeros(8 * rows * channels);
    kernels.scope(() => {
      const voxels = kernels.allocate(12 * described.length);
      const chosen = kernels.i32(voxels, 3 * described.length);
      described.forEach((row, i) => chosen.set(own.subarray(3 * row, 3 * row + 3), 3 * i));
      const coded = kernels.allocate(described.length * channels);
      kernels.u8(coded, described.length * channels).fill(1);
      const what = { entry, stream, voxels, anchors: described.length, coded };
      const coding = decodeValues(kernels, this.#model, this.#layout, what);
      const real = coding.realValues(this.#layout.types[0], this.#baseStep / 65536); // takes memory: views come after it
      const found = kernels.i64(coding.values, described.length * channels);
      const all = kernels.i64(values, rows * channels);
      described.forEach((row, i) => {
        all.set(found.subarray(i * channels, (i + 1) * channels), row * channels);
        feature.set(real.subarray(i * channels, (i + 1) * channels), row * channels);
      });
    });
    const crc = kernels.crcAt(labels, 4 * rows, kernels.crcAt(values, 8 * rows * channels));
    compareCrc(entry.decodedCrc, crc, where);
    label.set(kernels.i32(labels, rows));
    sums.add(labels, kernels.put(own), values, rows);
  }

  /** Rows of a chunk that the feature stream has. */
  #described(labels: Int32Array): number[] {
    const rows: number[] = [];
    labels.forEach((label, row) => {
      if (this.#everywhere || label > 0) rows.push(row);
    });
    return rows;
  }
}
