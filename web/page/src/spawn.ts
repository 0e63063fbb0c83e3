// From rows to Gaussians as a camera sees them: FORMAT.md, sections 9.4 and 16.1.

import { AnchorEye, plainGaussians, type AnchorScene, type GaussianScene, type PlainGaussians } from "../../dist/index.js";
import type { Part, PartLook } from "./look.js";
import { labelsOf } from "./look.js";
import { mapped, minus, product, STILL, unit, unmapped, vectorAt, type Quaternion, type Similarity, type Vector } from "./maths.js";

/** Numbers of a Gaussian: mean, alpha, colour, object, covariance xx xy xz yy yz zz, alpha to clicks, one unused. */
export const WIDTH = 16;
const TINT = 0.7;
const LEAST_LUMINANCE = 0.2;

/** Gaussians of a part, which come one behind the other in an array for the whole scene. */
export interface Spawner {
  /** Of all its rows. */
  readonly count: number;
  /** Rows that are there. */
  readonly rows: number;
  /** The part has more rows now, or labels. */
  grow(part: Part): void;
  /** Write the Gaussians of rows as seen from `eye`, in the frame of the whole, from `start` of `out` on. */
  spawn(out: Float32Array, start: number, from: number, to: number, eye: Vector, look: PartLook): void;
  /** First Gaussian of a row; behind the last one, of those that may follow. */
  firstOf(row: number): number;
}

export function spawnerOf(part: Part): Spawner {
  const { scene } = part;
  return scene.representation === "anchors" ? new AnchorSpawner(part, scene) : new GaussianSpawner(part);
}

class AnchorSpawner implements Spawner {
  #part: Part;
  #rows = 0;
  readonly #first: Uint32Array;
  readonly #look: AnchorEye;
  #label: Int32Array | undefined;

  constructor(
    part: Part,
    readonly scene: AnchorScene,
  ) {
    this.#part = part;
    this.#look = new AnchorEye(scene, 0);
    this.#first = new Uint32Array(scene.mask.length / scene.facts.numOffsets + 1);
    this.grow(part);
  }

  get rows(): number {
    return this.#rows;
  }

  get count(): number {
    return this.#first[this.#rows]!;
  }

  grow(part: Part): void {
    const { rows } = part.scene;
    const slots = this.scene.facts.numOffsets;
    [this.#part, this.#label] = [part, labelsOf(part)];
    this.#look.grow(rows);
    for (let row = this.#rows; row < rows; row++) {
      let kept = 0;
      for (let k = 0; k < slots; k++) kept += this.scene.mask[row * slots + k]!;
      this.#first[row + 1] = this.#first[row]! + kept;
    }
    this.#rows = rows;
  }

  firstOf(row: number): number {
    return this.#first[row]!;
  }

  spawn(out: Float32Array, start: number, from: number, to: number, eye: Vector, look: PartLook): void {
    const { scene } = this;
    const { numOffsets: slots } = scene.facts;
    const eyes = look.motion.map((motion) => (motion === STILL ? eye : unmapped(motion, eye)));
    for (let row = from; row < to; row++) {
      let at = (start + this.#first[row]!) * WIDTH;
      const end = (start + this.#first[row + 1]!) * WIDTH;
      if (at === end) continue;
      const label = this.#label?.[row] ?? 0;
      if (look.gone[row] || !this.#look.look(row, eyes[label]!)) {
        for (; at < end; at += WIDTH) out[at + 3] = 0;
        continue;
      }
      for (let k = 0; k < slots; k++) {
        if (!scene.mask[row * slots + k]) continue;
        const { mean, quat, scales, opacity, colour } = this.#look.slot(k);
        write(out, at, mean, Math.max(0, opacity), colour, scales, quat, look.motion[label]!, look.tint[label]);
        out[at + 7] = label > 0 ? this.#part.firstObject + label : 0;
        out[at + 14] = solid(out[at + 3]!, look.power[label]!);
        at += WIDTH;
      }
    }
  }
}

const K0 = 0.28209479177387814;
const K1 = 0.4886025119029199;
const K2 = Math.sqrt(15 / (4 * Math.PI));
const K3 = 1 / Math.sqrt(32 * Math.PI);

class GaussianSpawner implements Spawner {
  #part: Part;
  #rows = 0;
  #label: Int32Array | undefined;
  /** Of each time that some came, behind the number of the first one. */
  readonly #pieces: (readonly [first: number, plain: PlainGaussians])[] = [];

  constructor(part: Part) {
    this.#part = part;
    this.grow(part);
  }

  get rows(): number {
    return this.#rows;
  }

  get count(): number {
    return this.#rows;
  }

  grow(part: Part): void {
    const scene = part.scene as GaussianScene;
    [this.#part, this.#label] = [part, labelsOf(part)];
    if (scene.rows > this.#rows) this.#pieces.push([this.#rows, plainGaussians(scene, scene.rows, this.#rows)]);
    this.#rows = scene.rows;
  }

  firstOf(row: number): number {
    return row;
  }

  spawn(out: Float32Array, start: number, from: number, to: number, eye: Vector, look: PartLook): void {
    const eyes = look.motion.map((motion) => (motion === STILL ? eye : unmapped(motion, eye)));
    for (const [first, plain] of this.#pieces) {
      const end = Math.min(to, first + plain.row.length);
      for (let row = Math.max(from, first); row < end; row++) {
        const at = (start + row) * WIDTH;
        if (look.gone[row]) {
          out[at + 3] = 0;
          continue;
        }
        const { means, quats, scales, opacities } = plain;
        const [i, label] = [row - first, this.#label?.[row] ?? 0];
        const mean = vectorAt(means, 3 * i);
        const quat = Array.from(quats.subarray(4 * i, 4 * i + 4)) as unknown as Quaternion;
        const rgb = colourOf(plain, i, minus(mean, eyes[label]!));
        write(out, at, mean, opacities[i]!, rgb, vectorAt(scales, 3 * i), quat, look.motion[label]!, look.tint[label]);
        out[at + 7] = label > 0 ? this.#part.firstObject + label : 0;
        out[at + 14] = solid(out[at + 3]!, look.power[label]!);
      }
    }
  }
}

/** Opacity to a finger: FORMAT.md, section 10.5. */
function solid(alpha: number, power: number): number {
  return power === 1 ? alpha : 1 - (1 - alpha) ** power;
}

function colourOf({ harmonics, opacities }: PlainGaussians, row: number, ray: Vector): number[] {
  const count = harmonics.length / opacities.length / 3;
  const [x, y, z] = unit(ray);
  const rgb = [0.5, 0.5, 0.5];
  harmonicsOf(count, x, y, z).forEach((harmonic, i) => {
    for (let channel = 0; channel < 3; channel++) rgb[channel]! += harmonic * harmonics[3 * (row * count + i) + channel]!;
  });
  return rgb.map((sum) => Math.max(0, sum));
}

/** The first 1, 4, 9 or 16. */
function harmonicsOf(count: number, x: number, y: number, z: number): number[] {
  const found = [K0];
  if (count > 1) found.push(-K1 * y, K1 * z, -K1 * x);
  if (count > 4) {
    const middle = (K2 * (3 * z * z - 1)) / Math.sqrt(12);
    found.push(K2 * x * y, -K2 * y * z, middle, -K2 * x * z, (K2 * (x * x - y * y)) / 2);
  }
  if (count > 9) {
    found.push(
      -Math.sqrt(35) * y * (3 * x * x - y * y) * K3,
      Math.sqrt(840) * x * y * z * K3,
      -Math.sqrt(21) * y * (5 * z * z - 1) * K3,
      Math.sqrt(14) * z * (5 * z * z - 3) * K3,
      -Math.sqrt(21) * x * (5 * z * z - 1) * K3,
      Math.sqrt(210) * z * (x * x - y * y) * K3,
      -Math.sqrt(35) * x * (x * x - 3 * y * y) * K3,
    );
  }
  return found;
}

/** A Gaussian, moved and tinted, into its place. */
function write(
  out: Float32Array,
  at: number,
  mean: Vector,
  alpha: number,
  rgb: readonly number[],
  scales: readonly number[],
  turn: Quaternion,
  motion: Similarity,
  tint: Vector | undefined,
): void {
  const still = motion === STILL;
  const centre = still ? mean : mapped(motion, mean);
  const q = still ? turn : product(motion.turn, turn);
  const size = Math.hypot(q[0], q[1], q[2], q[3]);
  const [w, x, y, z] = [q[0] / size, q[1] / size, q[2] / size, q[3] / size];
  const [a, b, c] = [0, 1, 2].map((axis) => (scales[axis]! * motion.factor) ** 2) as [number, number, number];
  const r00 = 1 - 2 * (y * y + z * z);
  const r01 = 2 * (x * y - w * z);
  const r02 = 2 * (x * z + w * y);
  const r10 = 2 * (x * y + w * z);
  const r11 = 1 - 2 * (x * x + z * z);
  const r12 = 2 * (y * z - w * x);
  const r20 = 2 * (x * z - w * y);
  const r21 = 2 * (y * z + w * x);
  const r22 = 1 - 2 * (x * x + y * y);
  out[at] = centre[0];
  out[at + 1] = centre[1];
  out[at + 2] = centre[2];
  const whole = centre[0] + centre[1] + centre[2] + a + b + c + size;
  out[at + 3] = Number.isFinite(whole) && size > 0 ? alpha : 0; // what is not finite is not drawn
  const colour = tint ? tinted(rgb, tint) : rgb;
  out[at + 4] = colour[0]!;
  out[at + 5] = colour[1]!;
  out[at + 6] = colour[2]!;
  out[at + 8] = a * r00 * r00 + b * r01 * r01 + c * r02 * r02;
  out[at + 9] = a * r00 * r10 + b * r01 * r11 + c * r02 * r12;
  out[at + 10] = a * r00 * r20 + b * r01 * r21 + c * r02 * r22;
  out[at + 11] = a * r10 * r10 + b * r11 * r11 + c * r12 * r12;
  out[at + 12] = a * r10 * r20 + b * r11 * r21 + c * r12 * r22;
  out[at + 13] = a * r20 * r20 + b * r21 * r21 + c * r22 * r22;
}

function luminance(rgb: readonly number[]): number {
  return 0.299 * rgb[0]! + 0.587 * rgb[1]! + 0.114 * rgb[2]!;
}

function tinted(rgb: readonly number[], tint: Vector): number[] {
  const share = luminance(rgb) / Math.max(LEAST_LUMINANCE, luminance(tint));
  return rgb.map((own, i) => (1 - TINT) * own + TINT * Math.min(1, Math.max(0, tint[i]! * share)));
}
