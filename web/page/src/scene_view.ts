// A scene on a canvas: its worker, its renderer, its edits, and what is asked of them.

import type { Edit } from "../../dist/index.js";
import type { ShownObject, Whole } from "./look.js";
import type { Vector } from "./maths.js";
import type { Answer, Pinhole, Question, Told } from "./messages.js";
import { GRAPHICS_LOST, Renderer, type FrameStyle } from "./renderer.js";

/** What was found at a pixel. */
export interface Picked {
  readonly object: number;
  readonly place: Vector | undefined;
}

export interface Listener {
  /** Bytes of the file that have come, of all. */
  bytes(bytes: number, all: number): void;
  /** Shares of the scene that are decoded, before there is something to see. */
  progress(share: number): void;
  /** The first of the scene is there, or more of it. */
  scene(told: Told): void;
  /** The list of objects and what they are parts of, whenever it changes. */
  objects(objects: readonly ShownObject[], wholes: readonly Whole[]): void;
  /** Something to draw has changed. */
  changed(): void;
  /** What went wrong after there was something to see. */
  failed(message: string): void;
}

/** How much of the file was there when the first picture was complete. */
export interface FirstPicture {
  readonly bytes: number;
  readonly all: number;
  /** Since the file was asked for. */
  readonly milliseconds: number;
}

export class SceneView {
  readonly #renderer: Renderer;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #worker: Worker | undefined;
  #numbers = 0;
  #opened: ((told: Told) => void) | undefined;
  #refused: ((error: Error) => void) | undefined;
  #ready = false;
  #turn = 0;
  #sent = 0;
  #sorted = 0;
  #next: Pinhole | undefined;
  #settled: { turn: number; resolve: () => void }[] = [];
  #began = 0;
  #bytes: readonly [bytes: number, all: number] = [0, 0];
  #first: FirstPicture | undefined;

  /** @throws NoWebGl The browser cannot draw it. */
  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly listener: Listener,
  ) {
    this.#renderer = new Renderer(canvas);
    canvas.addEventListener("webglcontextlost", () => this.#fail(new Error(GRAPHICS_LOST)));
  }

  get firstPicture(): FirstPicture | undefined {
    return this.#first;
  }

  /** Of the file, bytes. */
  get size(): number {
    return this.#bytes[1];
  }

  /** Load a file; answers once there is something to see. Errors are those of the decoder, in words. */
  open(source: string | Blob): Promise<Told> {
    this.#close("another file was opened");
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.onmessage = (event: MessageEvent<Answer>) => this.#hear(event.data);
    worker.onerror = (event) => this.#fail(new Error(event.message || "The decoder could not be started; load the page again."));
    [this.#worker, this.#first, this.#began] = [worker, undefined, performance.now()];
    [this.#sent, this.#sorted, this.#next] = [this.#turn, this.#turn, undefined];
    return new Promise((resolve, reject) => {
      [this.#opened, this.#refused] = [resolve, reject];
      this.#ask({ ask: "load", source });
    });
  }

  /** Look from another camera: Gaussians are sorted for it, and colours follow. */
  see(camera: Pinhole): void {
    this.#turn += 1;
    if (this.#ready && this.#sorted < this.#sent) this.#next = camera; // the worker is not asked faster than it answers
    else this.#send(camera);
  }

  #send(camera: Pinhole): void {
    [this.#sent, this.#next] = [this.#turn, undefined];
    this.#ask({ ask: "see", camera, turn: this.#turn });
  }

  /** Show the scene after these edits, without some objects that are only out of sight. */
  look(edits: readonly Edit[], hidden: readonly number[]): void {
    this.#ask({ ask: "look", edits, hidden });
  }

  /** What one sees at a point of the picture. */
  async pick(camera: Pinhole, x: number, y: number): Promise<Picked> {
    const answer = await this.#question((number) => ({ ask: "pick", number, camera, x, y }));
    return answer.tell === "picked" ? answer : { object: 0, place: undefined };
  }

  /** The file with these edits, once all of it is there. */
  async save(edits: readonly Edit[]): Promise<Uint8Array> {
    const answer = await this.#question((number) => ({ ask: "save", number, edits }));
    if (answer.tell !== "saved") throw new Error("the file could not be written");
    return answer.bytes;
  }

  draw(camera: Pinhole, style: FrameStyle): void {
    if (this.#ready) this.#renderer.draw(camera, style);
  }

  pixels(): Uint8Array {
    return this.#renderer.pixels();
  }

  /** Look from a camera until all of the scene is there, as it sees it, edits that were made before included. */
  settled(camera: Pinhole): Promise<void> {
    this.see(camera);
    return new Promise((resolve) => this.#settled.push({ turn: this.#turn, resolve }));
  }

  #hear(answer: Answer): void {
    switch (answer.tell) {
      case "bytes":
        this.#bytes = [answer.bytes, answer.all];
        return this.listener.bytes(answer.bytes, answer.all);
      case "progress":
        return this.listener.progress(answer.share);
      case "scene":
        if (!this.#ready) this.#sorted = this.#sent; // what was asked before had nobody to answer it
        this.#ready = true;
        this.#opened?.(answer.told);
        return this.listener.scene(answer.told);
      case "objects":
        return this.listener.objects(answer.objects, answer.wholes);
      case "gaussians":
        return this.#put(answer.first, answer.numbers, answer.room);
      case "order":
        this.#renderer.arrange(answer.order);
        this.#sorted = Math.max(this.#sorted, answer.turn);
        if (this.#next !== undefined && this.#sorted >= this.#sent) this.#send(this.#next);
        if (answer.settled && this.#first === undefined) {
          const [bytes, all] = this.#bytes;
          this.#first = { bytes, all, milliseconds: performance.now() - this.#began };
        }
        this.listener.changed();
        if (answer.settled && answer.whole) this.#settle(answer.turn);
        return;
      case "error": {
        const error = new Error(answer.message);
        if (answer.number === undefined) return this.#fail(error);
        this.#waiting.get(answer.number)?.reject(error);
        this.#waiting.delete(answer.number);
        return;
      }
      default:
        this.#waiting.get(answer.number)?.resolve(answer);
        this.#waiting.delete(answer.number);
    }
  }

  #put(first: number, numbers: Float32Array, room: number | undefined): void {
    try {
      if (room !== undefined) this.#renderer.reserve(room);
      if (numbers.length > 0) this.#renderer.put(first, numbers);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #settle(turn: number): void {
    this.#settled.filter((waiting) => waiting.turn <= turn).forEach(({ resolve }) => resolve());
    this.#settled = this.#settled.filter((waiting) => waiting.turn > turn);
  }

  #fail(error: Error): void {
    if (this.#ready) return this.listener.failed(error.message);
    this.#close(error.message);
    this.#refused?.(error);
  }

  /** Whatever goes on ends. */
  #close(why: string): void {
    this.#worker?.terminate();
    [this.#worker, this.#ready] = [undefined, false];
    this.#waiting.forEach(({ reject }) => reject(new Error(why)));
    this.#waiting.clear();
  }

  #question(make: (number: number) => Question): Promise<Answer> {
    const number = ++this.#numbers;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#ask(make(number));
    });
  }

  #ask(question: Question): void {
    this.#worker?.postMessage(question);
  }
}
