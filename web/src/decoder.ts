// What the package is used by: a decoder, which decodes files at once or while they arrive. The bytes are not trusted.

import { RequestError } from "./base/errors.js";
import { Kernels } from "./base/kernels.js";
import { DEFAULT_LIMITS, type DecodeLimits } from "./base/limits.js";
import { Container, sourceOf, type ByteSource } from "./container/container.js";
import { HEADER_BYTES, parseHeader } from "./container/front.js";
import type { Entry } from "./container/kinds.js";
import { FetchedSource, type RangeSource } from "./container/ranges.js";
import { decodeSteps, readEditsOf, walked, type Progress, type RowScene, type Wanted } from "./decoding.js";
import { fetchBodies, FRONT_BYTES } from "./fetching.js";
import type { Edit } from "./scene/edits.js";
import type { CodedScene } from "./scene/scene.js";

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

/** What decodes chunks elsewhere: told once of all of them, it gives one after the other. */
export type Helper = (
  container: Container,
  source: FetchedSource,
  chunks: readonly (readonly Entry[])[],
) => (number: number) => Promise<RowScene>;

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
   * @param ranges Or a `FetchedSource` of it, which one may ask for more of the file afterwards.
   * @param helper What decodes chunks in place of this one; `WorkerPool` has one.
   * @throws As of `decode`, and what the source throws.
   */
  async stream(ranges: RangeSource | FetchedSource, options: DecodeOptions = {}, helper?: Helper): Promise<CodedScene> {
    const wanted = this.#begin(options);
    const release = this.kernels.hold();
    this.#streaming = true;
    try {
      const source = ranges instanceof FetchedSource ? ranges : new FetchedSource(ranges);
      await source.fetch(0, FRONT_BYTES);
      const header = parseHeader(source.read(0, Math.min(HEADER_BYTES, source.size)), wanted.limits);
      await source.fetch(0, header.tocEnd);
      const container = this.open(source, wanted.limits);
      const steps = decodeSteps(container, wanted);
      let given: ReturnType<Helper> | undefined;
      let answer: RowScene | undefined;
      for (;;) {
        const step = steps.next(answer);
        answer = undefined;
        if (step.done) return step.value;
        if ("done" in step.value) options.progress?.(step.value);
        else if ("chunks" in step.value && helper) {
          given ??= helper(container, source, step.value.chunks);
          answer = await given(step.value.number);
        } else await fetchBodies(source, step.value.need);
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

  #begin(options: DecodeOptions): Wanted {
    if (this.#streaming) throw new RequestError("this decoder is busy with a stream; take another one beside it");
    const { chunks, semantics = true, edits = true } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.kernels.bound = Math.min(limits.maxMemoryBytes, this.kernels.most);
    return { chunks, semantics, edits, limits };
  }
}
