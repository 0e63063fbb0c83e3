// What the package is used by: a decoder, which decodes files at once or while they arrive. The bytes are not trusted.

import { RequestError } from "./base/errors.js";
import { Kernels } from "./base/kernels.js";
import { DEFAULT_LIMITS, type DecodeLimits } from "./base/limits.js";
import { Container, sourceOf, type ByteSource } from "./container/container.js";
import { HEADER_BYTES, parseHeader } from "./container/front.js";
import { endOf, type Entry } from "./container/kinds.js";
import { FetchedSource, type RangeSource } from "./container/ranges.js";
import { decodeSemantics, decodeSteps, readEditsOf, walked, type Progress, type Wanted } from "./decoding.js";
import type { Edit } from "./scene/edits.js";
import type { CodedScene } from "./scene/scene.js";
import type { SemanticLayer } from "./scene/semantics.js";

/** Bytes that are fetched first: mostly all that comes before the chunks. */
const FIRST_BYTES = 65536;
/** Sections that lie so close are fetched together. */
const NEAR_BYTES = 4096;

/** What of a file is wanted, and how much it may cost. */
export interface DecodeOptions {
  readonly limits?: Partial<DecodeLimits>;
  /** Numbers of the chunks to decode; all by default. Workers share a scene out by this. */
  readonly chunks?: readonly number[];
  /** Decode the semantic layer, too, where the file has one that is complete; true by default. */
  readonly semantics?: boolean;
  /** Read what was edited, too; true by default. A file that is cut before that is refused then. */
  readonly edits?: boolean;
  /**
   * Called after each chunk with the scene as far as it is there: `rows` of it are filled, semantics come last. Where
   * objects were edited there is no scene but the last one, as what was removed must not be seen.
   */
  readonly progress?: (step: Progress) => void;
}

/** A decoder and its memory; a page has one in each worker. */
export class Decoder {
  #streaming = false;

  private constructor(readonly kernels: Kernels) {}

  /** For pages and programs: compiles beside what else happens. */
  static async create(): Promise<Decoder> {
    return new Decoder(await Kernels.create());
  }

  /** For workers and programs; browsers may refuse it on pages. */
  static createSync(): Decoder {
    return new Decoder(Kernels.createSync());
  }

  /**
   * Check header and table of contents of a file, and read no body.
   *
   * @throws FormatError Not a .csg file, damaged, or cut before the end of its colours.
   * @throws UnsupportedVersion It needs a newer reader.
   * @throws LimitExceeded It is larger than the limits allow.
   */
  open(data: Uint8Array | ByteSource, limits: Partial<DecodeLimits> = {}): Container {
    const source = data instanceof Uint8Array ? sourceOf(data) : data;
    return Container.open(source, this.kernels, { ...DEFAULT_LIMITS, ...limits });
  }

  /**
   * Decode a scene.
   *
   * @throws FormatError Not a .csg file, damaged, or cut before the end of its colours.
   * @throws UnsupportedVersion It needs a newer reader, or its symbols are coded by torchac.
   * @throws LimitExceeded It asks for more than the limits allow, or for more memory than there is.
   * @throws RequestError There is no such chunk, or this decoder is busy with a stream.
   */
  decode(data: Uint8Array | ByteSource, options: DecodeOptions = {}): CodedScene {
    const wanted = this.#begin(options);
    return this.kernels.scope(() => {
      const steps = decodeSteps(this.open(data, wanted.limits), wanted);
      return walked(steps, options.progress ?? (() => undefined));
    });
  }

  /**
   * Decode a scene while it arrives: parts are fetched when they are needed. `options.progress` shows it grow.
   *
   * @throws As of `decode`, and what the source throws.
   */
  async stream(ranges: RangeSource, options: DecodeOptions = {}): Promise<CodedScene> {
    const wanted = this.#begin(options);
    const release = this.kernels.hold();
    this.#streaming = true;
    try {
      const source = new FetchedSource(ranges);
      await source.fetch(0, FIRST_BYTES);
      const header = parseHeader(source.read(0, Math.min(HEADER_BYTES, source.size)), wanted.limits);
      await source.fetch(0, header.tocEnd);
      const steps = decodeSteps(this.open(source, wanted.limits), wanted);
      for (;;) {
        const step = steps.next();
        if (step.done) return step.value;
        if ("need" in step.value) await fetchBodies(source, step.value.need);
        else options.progress?.(step.value);
      }
    } finally {
      this.#streaming = false;
      release();
    }
  }

  /** What was edited in a file; nothing else of it is decoded. Errors as of `decode`. */
  edits(data: Uint8Array | ByteSource, options: DecodeOptions = {}): readonly Edit[] {
    const wanted = this.#begin(options);
    return this.kernels.scope(() => readEditsOf(this.open(data, wanted.limits), wanted));
  }

  /** The semantic layer of chunks that were decoded without it; undefined if there is none. Errors as of `decode`. */
  semantics(data: Uint8Array | ByteSource, voxels: Int32Array, options: DecodeOptions = {}): SemanticLayer | undefined {
    const wanted = this.#begin(options);
    return this.kernels.scope(() => decodeSemantics(this.open(data, wanted.limits), voxels, wanted));
  }

  #begin(options: DecodeOptions): Wanted {
    if (this.#streaming) throw new RequestError("this decoder is busy with a stream; take another one beside it");
    const { chunks, semantics = true, edits = true } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.kernels.bound = Math.min(limits.maxMemoryBytes, this.kernels.most);
    return { chunks, semantics, edits, limits };
  }
}

/** Fetch sections, those that lie side by side at once. */
async function fetchBodies(source: FetchedSource, entries: readonly Entry[]): Promise<void> {
  const sorted = [...entries].sort((a, b) => a.offset - b.offset);
  const runs: { start: number; end: number }[] = [];
  for (const entry of sorted) {
    const last = runs[runs.length - 1];
    if (last !== undefined && entry.offset - last.end <= NEAR_BYTES) last.end = endOf(entry);
    else runs.push({ start: entry.offset, end: endOf(entry) });
  }
  await Promise.all(runs.map(({ start, end }) => source.fetch(start, end)));
}
