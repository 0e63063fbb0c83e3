// Decodes a scene, keeps it, and says what a camera sees of it. Colours follow the camera, a slice of rows at a time.

import { CsgError, Decoder, withEdits, type CodedScene, type Edit, type Progress } from "../../dist/index.js";
import { labelsOf, lookOf, partsOf, type Look, type Part } from "./look.js";
import { same, vectorAt, type Vector } from "./maths.js";
import type { Answer, Pinhole, Question, Told } from "./messages.js";
import { at, farthestFirst } from "./sorting.js";
import { spawnerOf, WIDTH, type Spawner } from "./spawn.js";

const SLICE = 6000;
const DOWN: Vector = [0, 0, 1];

const say = (answer: Answer, moved: Transferable[] = []): void => self.postMessage(answer, { transfer: moved });

class Stage {
  readonly #parts: readonly Part[];
  readonly #spawners: readonly Spawner[];
  readonly #starts: number[] = [];
  readonly #gaussians: Float32Array;
  #look: Look;
  #camera: Pinhole | undefined;
  #turn = 0;
  /** Where colours were last looked up from, and how far that has got: part and row. */
  #eye: Vector | undefined;
  #next: [part: number, row: number] | undefined;
  #timer = false;

  constructor(
    readonly decoder: Decoder,
    readonly bytes: Uint8Array,
    readonly scene: CodedScene,
  ) {
    this.#parts = partsOf(scene);
    this.#spawners = this.#parts.map(spawnerOf);
    let count = 0;
    for (const spawner of this.#spawners) {
      this.#starts.push(count);
      count += spawner.count;
    }
    this.#gaussians = new Float32Array(count * WIDTH);
    this.#look = this.#lookAfter(scene.edits);
  }

  told(): Told {
    const { facts } = this.scene;
    const orbit = this.#orbit();
    return {
      name: facts.name,
      representation: this.scene.representation,
      rows: this.#spawners.reduce((sum, { rows }) => sum + rows, 0),
      gaussians: this.#gaussians.length / WIDTH,
      background: vectorAt(facts.background),
      up: upOf(facts.extra["up"]),
      unit: 1 / facts.scale,
      edits: this.scene.edits,
      cut: this.#parts.some(({ scene }) => scene.cut),
      ...orbit,
    };
  }

  look(edits: readonly Edit[], hidden: readonly number[]): void {
    const before = this.#look;
    this.#look = this.#lookAfter(edits);
    say({ tell: "objects", objects: this.#look.objects });
    if (hidden.length > 0) this.#look = this.#lookAfter([...edits, { do: "remove", objects: hidden }]);
    if (this.#eye === undefined || this.#next !== undefined) this.#begin();
    else this.#change(before);
  }

  see(camera: Pinhole, turn: number): void {
    [this.#camera, this.#turn] = [camera, turn];
    const eye = this.#eye;
    if (eye === undefined) this.#begin();
    else if (this.#next === undefined && camera.eye.some((x, i) => x !== eye[i])) this.#begin();
    this.#sort();
  }

  pick(camera: Pinhole, x: number, y: number): { object: number; place: Vector | undefined } {
    return at(this.#gaussians, farthestFirst(this.#gaussians, camera), camera, x, y);
  }

  #lookAfter(edits: readonly Edit[]): Look {
    return lookOf(this.#parts, edits, this.scene.representation === "group");
  }

  #begin(): void {
    this.#next = [0, 0];
    this.#eye = this.#camera?.eye;
    this.#later();
  }

  /** Only rows that look otherwise than before. */
  #change(before: Look): void {
    this.#spawners.forEach((spawner, number) => {
      const [old, now] = [before.parts[number]!, this.#look.parts[number]!];
      const label = labelsOf(this.#parts[number]!);
      const other = now.motion.map((motion, i) => !same(motion, old.motion[i]!) || now.tint[i] !== old.tint[i]);
      const start = this.#starts[number]!;
      let [least, most] = [Infinity, -1];
      for (let row = 0; row < spawner.rows; row++) {
        if (now.gone[row] === old.gone[row] && !other[label?.[row] ?? 0]) continue;
        spawner.spawn(this.#gaussians, start, row, row + 1, this.#eye!, now);
        least = Math.min(least, spawner.firstOf(row));
        most = Math.max(most, row + 1 === spawner.rows ? spawner.count : spawner.firstOf(row + 1));
      }
      if (most > least) this.#tell(start + least, start + most);
    });
    this.#sort();
  }

  #tell(first: number, last: number): void {
    const numbers = this.#gaussians.slice(first * WIDTH, last * WIDTH);
    say({ tell: "gaussians", first, numbers }, [numbers.buffer]);
  }

  #later(): void {
    if (this.#timer) return;
    this.#timer = true;
    setTimeout(() => {
      this.#timer = false;
      this.#work();
    });
  }

  /** The next slice of rows as the camera sees them. */
  #work(): void {
    if (this.#next === undefined || this.#eye === undefined) return;
    const [number, row] = this.#next;
    const spawner = this.#spawners[number];
    if (spawner === undefined) {
      this.#next = undefined;
      const camera = this.#camera;
      if (camera && camera.eye.some((x, i) => x !== this.#eye![i])) this.see(camera, this.#turn); // it went on meanwhile
      else this.#sort();
      return;
    }
    const end = Math.min(spawner.rows, row + SLICE);
    const start = this.#starts[number]!;
    spawner.spawn(this.#gaussians, start, row, end, this.#eye, this.#look.parts[number]!);
    const first = start + spawner.firstOf(row);
    const last = end === spawner.rows ? start + spawner.count : start + spawner.firstOf(end);
    this.#tell(first, last);
    this.#next = end === spawner.rows ? [number + 1, 0] : [number, end];
    this.#later();
  }

  #sort(): void {
    if (this.#camera === undefined) return;
    const order = farthestFirst(this.#gaussians, this.#camera);
    say({ tell: "order", order, settled: this.#next === undefined, turn: this.#turn }, [order.buffer]);
  }

  /** Where the photographer went, or around the middle of the scene. */
  #orbit(): Pick<Told, "focus" | "radius" | "height"> {
    const told = this.scene.facts.extra["orbit"] as Partial<Record<string, unknown>> | undefined;
    const [focus, radius, height] = [told?.["focus"], told?.["radius"], told?.["height"]];
    const usable = Array.isArray(focus) && focus.length === 3 && [...focus, radius, height].every(Number.isFinite);
    if (usable && (radius as number) > 0) return { focus: vectorAt(focus), radius: radius as number, height: height as number };
    const places = this.#parts.flatMap(({ scene, placement }) => {
      const step = Math.max(1, Math.floor(scene.rows / 2000));
      const size = scene.facts.voxelSize * placement.factor;
      return Array.from({ length: Math.floor(scene.rows / step) }, (_, i) => vectorAt(scene.voxels, 3 * i * step).map((x) => x * size));
    });
    const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
    const middle = vectorAt([0, 1, 2].map((axis) => median(places.map((place) => place[axis]!))));
    const around = 1.5 * median(places.map((place) => Math.hypot(...place.map((x, i) => x - middle[i]!)))) || 1;
    return { focus: middle, radius: around, height: 0.45 * around };
  }
}

function upOf(told: unknown): Vector {
  return Array.isArray(told) && told.length === 3 && told.every(Number.isFinite) ? vectorAt(told) : DOWN;
}

let stage: Stage | undefined;

async function load(buffer: ArrayBuffer): Promise<void> {
  const decoder = await Decoder.create();
  const bytes = new Uint8Array(buffer);
  const progress = ({ done, total }: Progress): void => say({ tell: "progress", share: done / total });
  const scene = decoder.decode(bytes, { progress });
  stage = new Stage(decoder, bytes, scene);
  say({ tell: "scene", told: stage.told() });
  stage.look(scene.edits, []);
}

async function answer(question: Question): Promise<void> {
  if (question.ask === "load") return load(question.bytes);
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
    case "save": {
      const bytes = withEdits(stage.decoder.open(stage.bytes), question.edits);
      return say({ tell: "saved", number: question.number, bytes }, [bytes.buffer]);
    }
  }
}

self.onmessage = (event: MessageEvent<Question>): void => {
  const { data } = event;
  answer(data).catch((error: unknown) => {
    const message = error instanceof CsgError || error instanceof Error ? error.message : String(error);
    say("number" in data ? { tell: "error", message, number: data.number } : { tell: "error", message });
  });
};

