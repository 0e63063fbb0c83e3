// A scene that several workers decode, each some of its chunks.

import { Decoder, type DecodeOptions } from "../decoder.js";
import { objectsOf } from "../scene/edits.js";
import type { CodedScene } from "../scene/scene.js";
import { joined, type RowScene } from "./join.js";
import { revived, type Answer, type Port, type Request } from "./messages.js";

type Reply = Exclude<Answer, { progress: number } | { error: unknown }>;
/** A request before it has a number. */
type Unsent = Request extends infer R ? (R extends Request ? Omit<R, "id"> : never) : never;

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly progress: (done: number) => void;
}

export class WorkerPool {
  readonly #waiting = new Map<number, Waiting>();
  #sent = 0;

  private constructor(
    readonly ports: readonly Port[],
    readonly decoder: Decoder,
  ) {
    for (const port of ports) port.onmessage = ({ data }: MessageEvent) => this.#receive(data as Answer);
  }

  /**
   * Share work out among workers that call `serve`.
   *
   * @param ports At least one; whoever started the workers ends them.
   */
  static async create(ports: readonly Port[]): Promise<WorkerPool> {
    return new WorkerPool(ports, await Decoder.create());
  }

  /** Decode a scene; options and errors as of `Decoder.decode`, but that `progress` has no scenes. */
  async decode(bytes: Uint8Array, options: DecodeOptions = {}): Promise<CodedScene> {
    const { progress = () => undefined, ...sent } = options;
    const container = this.decoder.open(bytes, sent.limits);
    const positions = container.ofKind("POSI");
    const wanted = sent.chunks ?? positions.map((_, number) => number);
    const runs = shares(wanted, (number) => positions[number]?.rows ?? 0, this.ports.length);
    if (positions.length === 0 || runs.length < 2) {
      return this.#decodeOn(0, bytes, sent, (done) => progress({ done, total: wanted.length, scene: undefined }));
    }
    const edits = sent.edits === false ? [] : this.decoder.edits(bytes, sent);
    const done = runs.map(() => 0);
    const parts = runs.map(async (chunks, worker) => {
      const own = { ...sent, chunks, semantics: false, edits: false };
      return (await this.#decodeOn(worker, bytes, own, (count) => {
        done[worker] = count;
        progress({ done: done.reduce((a, b) => a + b), total: wanted.length, scene: undefined });
      })) as RowScene;
    });
    const scene = joined(await Promise.all(parts));
    const meant = sent.semantics !== false || edits.some((edit) => objectsOf(edit).length > 0);
    if (!meant) return { ...scene, edits };
    const reply = await this.#ask(0, { do: "semantics", bytes, voxels: scene.voxels, options: sent });
    return { ...scene, edits, semantics: "layer" in reply ? reply.layer : undefined };
  }

  async #decodeOn(
    worker: number,
    bytes: Uint8Array,
    options: DecodeOptions,
    progress: (done: number) => void,
  ): Promise<CodedScene> {
    const reply = await this.#ask(worker, { do: "decode", bytes, options }, progress);
    if (!("scene" in reply)) throw new TypeError("a worker answered what it was not asked");
    return reply.scene;
  }

  #ask(worker: number, request: Unsent, progress: (done: number) => void = () => undefined): Promise<Reply> {
    const id = this.#sent++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, progress });
      this.ports[worker]!.postMessage({ ...request, id }, []);
    });
  }

  #receive(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    if ("progress" in answer) {
      waiting.progress(answer.progress);
      return;
    }
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting.reject(revived(answer.error));
    else waiting.resolve(answer);
  }
}

/** Chunks in at most `count` runs of about as many rows each. */
export function shares(chunks: readonly number[], rows: (chunk: number) => number, count: number): number[][] {
  const total = chunks.reduce((sum, chunk) => sum + rows(chunk), 0);
  const runs: number[][] = [];
  let before = 0;
  for (const chunk of chunks) {
    const run = Math.min(count - 1, Math.floor((count * (before + rows(chunk) / 2)) / Math.max(1, total)));
    (runs[run] ??= []).push(chunk);
    before += rows(chunk);
  }
  return runs.filter((run) => run !== undefined);
}
