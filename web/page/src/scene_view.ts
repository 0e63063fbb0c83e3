// A scene on a canvas: its worker, its renderer, its edits, and what is asked of them.

import type { Edit } from "../../dist/index.js";
import type { ShownObject } from "./look.js";
import type { Vector } from "./maths.js";
import type { Answer, Pinhole, Question, Told } from "./messages.js";
import { Renderer, type FrameStyle } from "./renderer.js";

/** What was found at a pixel. */
export interface Picked {
  readonly object: number;
  readonly place: Vector | undefined;
}

export interface Listener {
  /** Shares of the scene that are decoded. */
  progress(share: number): void;
  /** The list of objects, whenever it changes. */
  objects(objects: readonly ShownObject[]): void;
  /** Something to draw has changed. */
  changed(): void;
  failed(message: string): void;
}

export class SceneView {
  readonly #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  readonly #renderer: Renderer;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #numbers = 0;
  #opened: ((told: Told) => void) | undefined;
  #refused: ((error: Error) => void) | undefined;
  #ready = false;
  #turn = 0;
  #settled: { turn: number; resolve: () => void }[] = [];

  /** @throws NoWebGl The browser cannot draw it. */
  constructor(
    canvas: HTMLCanvasElement,
    readonly listener: Listener,
  ) {
    this.#renderer = new Renderer(canvas);
    this.#worker.onmessage = (event: MessageEvent<Answer>) => this.#hear(event.data);
    this.#worker.onerror = (event) => this.#fail(new Error(event.message || "the decoder could not be started"));
  }

  /** Decode a file; errors are those of the decoder, in words. */
  open(bytes: ArrayBuffer): Promise<Told> {
    return new Promise((resolve, reject) => {
      [this.#opened, this.#refused] = [resolve, reject];
      this.#ask({ ask: "load", bytes }, [bytes]);
    });
  }

  /** Look from another camera: Gaussians are sorted for it, and colours follow. */
  see(camera: Pinhole): void {
    this.#ask({ ask: "see", camera, turn: ++this.#turn });
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

  /** The file with these edits. */
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

  /** Look from a camera until all is as it sees it, edits that were made before included. */
  settled(camera: Pinhole): Promise<void> {
    this.see(camera);
    return new Promise((resolve) => this.#settled.push({ turn: this.#turn, resolve }));
  }

  #hear(answer: Answer): void {
    switch (answer.tell) {
      case "progress":
        return this.listener.progress(answer.share);
      case "scene":
        this.#renderer.reserve(answer.told.gaussians);
        this.#ready = true;
        this.#opened?.(answer.told);
        return;
      case "objects":
        return this.listener.objects(answer.objects);
      case "gaussians":
        if (answer.numbers.length > 0) this.#renderer.put(answer.first, answer.numbers);
        return;
      case "order":
        this.#renderer.arrange(answer.order);
        this.listener.changed();
        if (answer.settled) this.#settle(answer.turn);
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

  #settle(turn: number): void {
    this.#settled.filter((waiting) => waiting.turn <= turn).forEach(({ resolve }) => resolve());
    this.#settled = this.#settled.filter((waiting) => waiting.turn > turn);
  }

  #fail(error: Error): void {
    if (this.#ready) this.listener.failed(error.message);
    else this.#refused?.(error);
  }

  #question(make: (number: number) => Question): Promise<Answer> {
    const number = ++this.#numbers;
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve, reject });
      this.#ask(make(number));
    });
  }

  #ask(question: Question, moved: Transferable[] = []): void {
    this.#worker.postMessage(question, moved);
  }
}
