// From rows to Gaussians as a camera sees them: FORMAT.md, sections 9.4 and 16.1.

import { AnchorEye, plainGaussians, type AnchorScene, type GaussianScene, type PlainGaussians } from "../../dist/index.js";
import type { Part, PartLook } from "./look.js";
import { labelsOf } from "./look.js";
import { mapped, minus, product, STILL, unit, unmapped, vectorAt, type Quaternion, type Similarity, type Vector } from "./maths.js";

/** Numbers of a Gaussian: mean, alpha, colour, object, covariance xx xy xz yy yz zz, and two unused. */
export const WIDTH = 16;
const TINT = 0.7;
const LEAST_LUMINANCE = 0.2;

/** Gaussians of a part, which come one behind the other in an array for the whole scene. */
export interface Spawner {
  /** Of all its rows. */
  readonly count: number;
  /** Rows. */
  readonly rows: number;
  /** Write the Gaussians of rows as seen from `eye`, in the frame of the whole, from `start` of `out` on. */
  spawn(out: Float32Array, start: number, from: number, to: number, eye: Vector, look: PartLook): void;
  /** First Gaussian of a row. */
  firstOf(row: number): number;
}

export function spawnerOf(part: Part): Spawner {
  return part.scene.representation === "anchors"
    ? new AnchorSpawner(part, part.scene)
    : new GaussianSpawner(part, part.scene);
}

class AnchorSpawner implements Spawner {
  readonly count: number;
  readonly rows: number;
  readonly #first: Uint32Array;
  readonly #look: AnchorEye;
  readonly #label: Int32Array | undefined;

  constructor(
    readonly part: Part,
    readonly scene: AnchorScene,
  ) {
    this.rows = scene.rows;
    this.#label = labelsOf(part);
    this.#look = new AnchorEye(scene);
    this.#first = new Uint32Array(scene.rows + 1);
    const slots = scene.facts.numOffsets;
    for (let row = 0; row < scene.rows; row++) {
      let kept = 0;
      for (let k = 0; k < slots; k++) kept += scene.mask[row * slots + k]!;
      this.#first[row + 1] = this.#first[row]! + kept;
    }
    this.count = this.#first[scene.rows]!;
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
        out[at + 7] = label > 0 ? this.part.firstObject + label : 0;
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
  readonly count: number;
  readonly rows: number;
  readonly #label: Int32Array | undefined;
  readonly #plain: PlainGaussians;

  constructor(
    readonly part: Part,
    scene: GaussianScene,
  ) {
    this.count = this.rows = scene.rows;
    this.#label = labelsOf(part);
    this.#plain = plainGaussians(scene);
  }

  firstOf(row: number): number {
    return row;
  }

  spawn(out: Float32Array, start: number, from: number, to: number, eye: Vector, look: PartLook): void {
    const { means, quats, scales, opacities } = this.#plain;
    const eyes = look.motion.map((motion) => (motion === STILL ? eye : unmapped(motion, eye)));
    for (let row = from; row < to; row++) {
      const at = (start + row) * WIDTH;
      if (look.gone[row]) {
        out[at + 3] = 0;
        continue;
      }
      const label = this.#label?.[row] ?? 0;
      const mean = vectorAt(means, 3 * row);
      const quat = Array.from(quats.subarray(4 * row, 4 * row + 4)) as unknown as Quaternion;
      const rgb = this.#colourOf(row, minus(mean, eyes[label]!));
      const [size, alpha] = [vectorAt(scales, 3 * row), opacities[row]!];
      write(out, at, mean, alpha, rgb, size, quat, look.motion[label]!, look.tint[label]);
      out[at + 7] = label > 0 ? this.part.firstObject + label : 0;
    }
  }

  #colourOf(row: number, ray: Vector): number[] {
    const count = this.#plain.harmonics.length / this.rows / 3;
    const [x, y, z] = unit(ray);
    const rgb = [0.5, 0.5, 0.5];
    harmonicsOf(count, x, y, z).forEach((harmonic, i) => {
      for (let channel = 0; channel < 3; channel++) {
        rgb[channel]! += harmonic * this.#plain.harmonics[3 * (row * count + i) + channel]!;
      }
    });
    return rgb.map((sum) => Math.max(0, sum));
  }
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
