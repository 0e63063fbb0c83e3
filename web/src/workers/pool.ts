// A scene that several workers decode, each some of its chunks.

import type { Container } from "../container/container.js";
import { endOf, type Entry } from "../container/kinds.js";
import type { Part } from "../container/parts.js";
import { FetchedSource, type RangeSource } from "../container/ranges.js";
import { Decoder, type DecodeOptions, type Helper } from "../decoder.js";
import { COMMON_KINDS, type RowScene } from "../decoding.js";
import { fetchChunks } from "../fetching.js";
import type { CodedScene } from "../scene/scene.js";
import { revived, type Answer, type Port, type Request, type SentOptions } from "./messages.js";

interface Waiting {
  readonly resolve: (scene: CodedScene) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerPool {
  readonly #waiting = new Map<number, Waiting>();
  /** Rows that each worker has still to decode. */
  readonly #load: number[];
  readonly #idle: Decoder[] = [];
  #sent = 0;

  private constructor(readonly ports: readonly Port[]) {
    this.#load = ports.map(() => 0);
    for (const port of ports) port.onmessage = ({ data }: MessageEvent) => this.#receive(data as Answer);
  }

  /**
   * Share work out among workers that call `serve`.
   *
   * @param ports At least one; whoever started the workers ends them.
   */
  static async create(ports: readonly Port[]): Promise<WorkerPool> {
    const pool = new WorkerPool(ports);
    pool.#idle.push(await Decoder.create());
    return pool;
  }

  /** Decode a scene; options and errors as of `Decoder.decode`. */
  decode(bytes: Uint8Array, options: DecodeOptions = {}): Promise<CodedScene> {
    const read = async (offset: number, length: number): Promise<Uint8Array> => bytes.subarray(offset, offset + length);
    return this.stream({ size: bytes.length, front: bytes, read }, options);
  }

  /** Decode a scene while it arrives; options and errors as of `Decoder.stream`. */
  async stream(ranges: RangeSource | FetchedSource, options: DecodeOptions = {}): Promise<CodedScene> {
    const decoder = this.#idle.pop() ?? (await Decoder.create());
    const { progress: _, ...sent } = options;
    try {
      return await decoder.stream(ranges, options, this.#helper(sent));
    } finally {
      this.#idle.push(decoder);
    }
  }

  /** Sends each chunk to the worker that has least to do, as soon as it is there. */
  #helper(options: SentOptions): Helper {
    return (container: Container, source: FetchedSource, chunks: readonly (readonly Entry[])[]) => {
      const part = (entry: Entry): Part => copied(source.part(entry.offset, endOf(entry)));
      const common = container.entries.filter(({ kind }) => COMMON_KINDS.includes(kind));
      const front = [copied(source.part(0, container.header.tocEnd)), ...common.map(part)];
      const decode = async (entries: readonly Entry[]): Promise<RowScene> => {
        const [{ chunk, rows }] = entries as [Entry];
        const own = { ...options, chunks: [chunk], semantics: false, edits: false };
        const request = { size: source.size, parts: [...front, ...entries.map(part)], options: own };
        return (await this.#ask(rows, request)) as RowScene;
      };
      const settle: { resolve: (found: Promise<RowScene>) => void; reject: (error: unknown) => void }[] = [];
      const promises = chunks.map(() => new Promise<RowScene>((resolve, reject) => settle.push({ resolve, reject })));
      for (const promise of promises) promise.catch(() => undefined); // the first error is enough
      fetchChunks(source, chunks, (number) => settle[number]!.resolve(decode(chunks[number]!))).catch((error: unknown) => {
        for (const { reject } of settle) reject(error);
      });
      return (number) => promises[number]!;
    };
  }

  async #ask(rows: number, request: Omit<Request, "id">): Promise<CodedScene> {
    const id = this.#sent++;
    const worker = this.#load.indexOf(Math.min(...this.#load));
    this.#load[worker]! += rows;
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.ports[worker]!.postMessage({ ...request, id }, []);
      });
    } finally {
      this.#load[worker]! -= rows;
    }
  }

  #receive(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting.reject(revived(answer.error));
    else waiting.resolve(answer.scene);
  }
}

/** Alone in its buffer: workers are sent whole buffers. */
function copied({ start, bytes }: Part): Part {
  return { start, bytes: bytes.slice() };
}
