// A scene as far as it has come, and what a camera sees of it. Colours follow the camera, a slice of rows at a time.

import type { CodedScene, Edit } from "../../dist/index.js";
import { firstViewOf, type FirstView } from "./first_view.js";
import { labelsOf, lookOf, partsOf, wholesOf, type Look, type Part } from "./look.js";
import { same, vectorAt, type Vector } from "./maths.js";
import type { Answer, Pinhole, Told } from "./messages.js";
import { at, farthestFirst } from "./sorting.js";
import { spawnerOf, WIDTH, type Spawner } from "./spawn.js";

const SLICE = 6000;
/** How much more room is taken than what has come lets expect. */
const SPARE = 1.1;

export class Stage {
  #parts: readonly Part[];
  #view: FirstView;
  #spawners: readonly Spawner[];
  #starts: readonly number[] = [];
  /** With room for more than `#count`. */
  #gaussians = new Float32Array(0);
  #count = 0;
  #look: Look;
  #hidden: readonly number[] = [];
  #camera: Pinhole | undefined;
  #turn = 0;
  /** Where colours were last looked up from, and how far that has got: part and row. */
  #eye: Vector | undefined;
  #next: [part: number, row: number] | undefined;
  #timer = false;

  /** @param whole Nothing more of the scene will come. */
  constructor(
    public scene: CodedScene,
    public whole: boolean,
    readonly say: (answer: Answer, moved?: Transferable[]) => void,
  ) {
    this.#parts = partsOf(scene);
    this.#view = firstViewOf(scene, this.#parts);
    this.#spawners = this.#parts.map(spawnerOf);
    this.#place();
    this.#tellScene();
    this.#look = this.#lookAfter(scene.edits);
  }

  /** More of the same scene is there, or its objects. */
  grow(scene: CodedScene, whole: boolean): void {
    [this.scene, this.whole] = [scene, whole];
    this.#parts = partsOf(scene);
    const before = this.#spawners.map(({ rows }) => rows);
    this.#spawners.forEach((spawner, i) => spawner.grow(this.#parts[i]!));
    this.#place();
    this.#tellScene();
    this.#look = this.#lookAfter(scene.edits);
    if (this.#eye === undefined) return;
    if (whole) this.#begin(); // with what objects there are
    else if (this.#next === undefined) this.#next = [0, before[0]!]; // only a group has several parts, and comes at once
    this.#later();
  }

  look(edits: readonly Edit[], hidden: readonly number[]): void {
    const before = this.#look;
    this.#hidden = hidden;
    this.#look = this.#lookAfter(edits);
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
    return at(this.#gaussians, farthestFirst(this.#shown, camera), camera, x, y);
  }

  get #shown(): Float32Array {
    return this.#gaussians.subarray(0, this.#count * WIDTH);
  }

  /** Where Gaussians of each part begin, and room for all of them. */
  #place(): void {
    const starts: number[] = [];
    let count = 0;
    for (const spawner of this.#spawners) {
      starts.push(count);
      count += spawner.count;
    }
    [this.#starts, this.#count] = [starts, count];
    if (this.#gaussians.length > 0 && count * WIDTH <= this.#gaussians.length) return;
    const share = this.whole ? 1 : SPARE * this.#all();
    const room = Math.max(1, Math.ceil(count * share));
    const before = this.#gaussians;
    this.#gaussians = new Float32Array(room * WIDTH);
    this.#gaussians.set(before);
    const numbers = this.#shown.slice();
    this.say({ tell: "gaussians", first: 0, numbers, room }, [numbers.buffer]);
  }

  /** How many times as many rows as now there will be. */
  #all(): number {
    const { scene } = this.#parts[0]!;
    return scene.voxels.length / 3 / Math.max(1, scene.rows);
  }

  #tellScene(): void {
    const { facts } = this.scene;
    const told: Told = {
      name: facts.name,
      representation: this.scene.representation,
      rows: this.#spawners.reduce((sum, { rows }) => sum + rows, 0),
      gaussians: this.#count,
      background: vectorAt(facts.background),
      unit: 1 / facts.scale,
      edits: this.scene.edits,
      cut: this.#parts.some(({ scene }) => scene.cut),
      textEncoder: this.#parts.map(({ scene }) => scene.semantics?.textEncoder).find(Boolean) ?? "",
      whole: this.whole,
      ...this.#view,
    };
    this.say({ tell: "scene", told });
  }

  #lookAfter(edits: readonly Edit[]): Look {
    const grouped = this.scene.representation === "group";
    const look = lookOf(this.#parts, edits, grouped);
    if (this.whole) this.say({ tell: "objects", objects: look.objects, wholes: wholesOf(this.#parts) });
    if (this.#hidden.length === 0) return look;
    return lookOf(this.#parts, [...edits, { do: "remove", objects: this.#hidden }], grouped);
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
        most = Math.max(most, spawner.firstOf(row + 1));
      }
      if (most > least) this.#tell(start + least, start + most);
    });
    this.#sort();
  }

  #tell(first: number, last: number): void {
    const numbers = this.#gaussians.slice(first * WIDTH, last * WIDTH);
    this.say({ tell: "gaussians", first, numbers }, [numbers.buffer]);
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
    this.#tell(first, start + spawner.firstOf(end));
    this.#next = end === spawner.rows ? [number + 1, 0] : [number, end];
    this.#later();
  }

  #sort(): void {
    if (this.#camera === undefined) return;
    const order = farthestFirst(this.#shown, this.#camera);
    const settled = this.#next === undefined;
    this.say({ tell: "order", order, settled, whole: this.whole, turn: this.#turn }, [order.buffer]);
  }
}
