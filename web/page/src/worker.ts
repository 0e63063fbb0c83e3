// Loads a scene, with workers that decode its chunks, and answers the page.

import {
  blobSource,
  Decoder,
  FetchedSource,
  httpSource,
  LimitExceeded,
  UnsupportedVersion,
  withEdits,
  WorkerPool,
  type Progress,
} from "../../dist/index.js";
import { megabytes } from "./files.js";
import type { Answer, Question } from "./messages.js";
import { Stage } from "./stage.js";

const MOST_BYTES = 2 ** 30;
const MOST_WORKERS = 4;
const BYTES_EACH_MS = 60;

let stage: Stage | undefined;
let loading: Promise<FetchedSource> | undefined;

const say = (answer: Answer, moved: Transferable[] = []): void => self.postMessage(answer, { transfer: moved });

async function load(source: string | Blob): Promise<FetchedSource> {
  const ranges = typeof source === "string" ? await httpSource(source) : blobSource(source);
  if (ranges.size > MOST_BYTES) {
    throw new LimitExceeded(`The file has ${megabytes(ranges.size)}, a page holds at most ${megabytes(MOST_BYTES)}`);
  }
  let last = -Infinity;
  const file = new FetchedSource(ranges, (bytes) => {
    if (performance.now() - last < BYTES_EACH_MS && bytes < ranges.size) return;
    last = performance.now();
    say({ tell: "bytes", bytes, all: ranges.size });
  });
  say({ tell: "bytes", bytes: file.bytes, all: file.size });
  const progress = ({ done, total, scene }: Progress): void => {
    if (scene === undefined) say({ tell: "progress", share: done / total });
    else if (stage === undefined) stage = new Stage(scene, false, say);
    else stage.grow(scene, false);
    say({ tell: "bytes", bytes: file.bytes, all: file.size });
  };
  const count = Math.min(MOST_WORKERS, Math.max(1, navigator.hardwareConcurrency || 1));
  const make = (): Worker => new Worker(new URL("./decoder_worker.js", import.meta.url), { type: "module" });
  const workers = Array.from({ length: count }, make);
  try {
    const lost = new Promise<never>((_, reject) => {
      for (const worker of workers) worker.onerror = () => reject(new Error("The decoder could not be started; load the page again"));
    });
    const pool = await WorkerPool.create(workers);
    const scene = await Promise.race([pool.stream(file, { progress, limits: { maxFileBytes: MOST_BYTES } }), lost]);
    if (stage === undefined) stage = new Stage(scene, true, say);
    else stage.grow(scene, true);
  } finally {
    workers.forEach((worker) => worker.terminate());
  }
  return file;
}

async function saved(number: number, edits: Parameters<typeof withEdits>[1]): Promise<void> {
  const file = await (await loading)?.whole();
  if (file === undefined) throw new Error("There is no file to save");
  const bytes = withEdits((await Decoder.create()).open(file), edits);
  say({ tell: "saved", number, bytes }, [bytes.buffer as ArrayBuffer]);
}

async function answer(question: Question): Promise<unknown> {
  if (question.ask === "load") return (loading = load(question.source));
  if (question.ask === "save") return saved(question.number, question.edits);
  if (stage === undefined) return;
  switch (question.ask) {
    case "see":
      return stage.see(question.camera, question.turn);
    case "look":
      return stage.look(question.edits, question.hidden);
    case "pick": {
      const { number, camera, x, y } = question;
      return say({ tell: "picked", number, ...stage.pick(camera, x, y) });
    }
  }
}

/** An error in words, with what to do. */
function explained(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof LimitExceeded) return `${message}. This page cannot show it; csg render draws it, without a browser.`;
  if (error instanceof UnsupportedVersion) {
    return `${message}. Where this page comes from csg view, install a newer csgaussian_ns; else ask whoever hosts it.`;
  }
  return `${message}.`.replace(/([.!?])\.$/, "$1");
}

self.onmessage = ({ data }: MessageEvent<Question>): void => {
  answer(data).catch((error: unknown) => {
    const message = explained(error);
    say("number" in data ? { tell: "error", message, number: data.number } : { tell: "error", message });
  });
};
