// From rows to Gaussians as a camera sees them: FORMAT.md, sections 9.4 and 16.1.

import type { AnchorScene, GaussianScene, RenderNetwork } from "../../dist/index.js";
import type { Part, PartLook } from "./look.js";
import { labelsOf } from "./look.js";
import { mapped, product, STILL, unmapped, type Quaternion, type Similarity, type Vector } from "./maths.js";

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

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** What does not change with the camera is computed once: of the first layers, all that features say. */
class AnchorSpawner implements Spawner {
  readonly count: number;
  readonly rows: number;
  readonly #first: Uint32Array;
  readonly #networks: readonly Network[];
  readonly #label: Int32Array | undefined;

  constructor(
    readonly part: Part,
    readonly scene: AnchorScene,
  ) {
    this.rows = scene.rows;
    this.#label = labelsOf(part);
    this.#first = new Uint32Array(scene.rows + 1);
    const slots = scene.facts.numOffsets;
    for (let row = 0; row < scene.rows; row++) {
      let kept = 0;
      for (let k = 0; k < slots; k++) kept += scene.mask[row * slots + k]!;
      this.#first[row + 1] = this.#first[row]! + kept;
    }
    this.count = this.#first[scene.rows]!;
    const { opacity, covariance, colour } = scene.networks;
    this.#networks = [opacity, covariance, colour].map((network) => new Network(network, scene));
  }

  firstOf(row: number): number {
    return this.#first[row]!;
  }

  spawn(out: Float32Array, start: number, from: number, to: number, eye: Vector, look: PartLook): void {
    const { scene } = this;
    const { numOffsets: slots, voxelSize } = scene.facts;
    const [opacity, covariance, colour] = this.#networks as [Network, Network, Network];
    const eyes = look.motion.map((motion) => (motion === STILL ? eye : unmapped(motion, eye)));
    for (let row = from; row < to; row++) {
      let at = (start + this.#first[row]!) * WIDTH;
      const end = (start + this.#first[row + 1]!) * WIDTH;
      if (at === end) continue;
      const label = this.#label?.[row] ?? 0;
      const motion = look.motion[label]!;
      const seenFrom = eyes[label]!;
      const x = Math.fround(scene.voxels[3 * row]! * voxelSize);
      const y = Math.fround(scene.voxels[3 * row + 1]! * voxelSize);
      const z = Math.fround(scene.voxels[3 * row + 2]! * voxelSize);
      const distance = Math.hypot(x - seenFrom[0], y - seenFrom[1], z - seenFrom[2]);
      if (look.gone[row] || !(distance > 0)) {
        for (; at < end; at += WIDTH) out[at + 3] = 0;
        continue;
      }
      const view = [(x - seenFrom[0]) / distance, (y - seenFrom[1]) / distance, (z - seenFrom[2]) / distance, distance];
      opacity.see(row, view);
      covariance.see(row, view);
      colour.see(row, view);
      const reach = [0, 1, 2].map((axis) => Math.exp(scene.scaling[6 * row + axis]!));
      const size = [3, 4, 5].map((axis) => Math.exp(scene.scaling[6 * row + axis]!));
      for (let k = 0; k < slots; k++) {
        if (!scene.mask[row * slots + k]) continue;
        const alpha = Math.tanh(opacity.output(k));
        const offset = 3 * (row * slots + k);
        const mean: Vector = [
          x + scene.offset[offset]! * reach[0]!,
          y + scene.offset[offset + 1]! * reach[1]!,
          z + scene.offset[offset + 2]! * reach[2]!,
        ];
        const scales = [0, 1, 2].map((axis) => size[axis]! * sigmoid(covariance.output(7 * k + axis)));
        const turn = [3, 4, 5, 6].map((part) => covariance.output(7 * k + part)) as unknown as Quaternion;
        const rgb = [0, 1, 2].map((channel) => sigmoid(colour.output(3 * k + channel)));
        write(out, at, mean, alpha > 0 ? alpha : 0, rgb, scales, turn, motion, look.tint[label]);
        out[at + 7] = label > 0 ? this.part.firstObject + label : 0;
        at += WIDTH;
      }
    }
  }
}

/** One of the networks of NETR; the answer of `see` is read output by output, as few slots are drawn. */
class Network {
  readonly #hidden: Float32Array;
  readonly #known: Float32Array;
  readonly #width: number;
  readonly #view: Float32Array;

  constructor(
    readonly network: RenderNetwork,
    scene: AnchorScene,
  ) {
    const [first] = network;
    const { featureDim } = scene.facts;
    this.#width = first.outputs;
    this.#hidden = new Float32Array(first.outputs);
    this.#view = new Float32Array(4 * first.outputs);
    const ofFeature = new Float32Array(featureDim * first.outputs); // input by input: runs along the outputs
    for (let unit = 0; unit < first.outputs; unit++) {
      for (let i = 0; i < featureDim; i++) ofFeature[i * first.outputs + unit] = first.weights[unit * first.inputs + i]!;
      for (let i = 0; i < 4; i++) {
        this.#view[i * first.outputs + unit] = first.weights[unit * first.inputs + featureDim + i]!;
      }
    }
    this.#known = new Float32Array(scene.rows * first.outputs);
    for (let row = 0; row < scene.rows; row++) {
      const known = this.#known.subarray(row * first.outputs, (row + 1) * first.outputs);
      known.set(first.biases);
      for (let i = 0; i < featureDim; i++) {
        const value = scene.feature[row * featureDim + i]!;
        const weights = i * first.outputs;
        for (let unit = 0; unit < first.outputs; unit++) known[unit]! += value * ofFeature[weights + unit]!;
      }
    }
  }

  see(row: number, view: readonly number[]): void {
    const width = this.#width;
    const [a, b, c, d] = view as [number, number, number, number];
    const known = row * width;
    for (let unit = 0; unit < width; unit++) {
      const sum =
        this.#known[known + unit]! +
        a * this.#view[unit]! +
        b * this.#view[width + unit]! +
        c * this.#view[2 * width + unit]! +
        d * this.#view[3 * width + unit]!;
      this.#hidden[unit] = sum > 0 ? sum : 0;
    }
  }

  output(number: number): number {
    const [, second] = this.network;
    const start = number * second.inputs;
    let sum = second.biases[number]!;
    for (let i = 0; i < second.inputs; i++) sum += this.#hidden[i]! * second.weights[start + i]!;
    return sum;
  }
}

const ROOT_3 = Math.sqrt(3);
const ROOT_2 = Math.sqrt(2);
const ROOT_6 = Math.sqrt(6);
const K0 = 0.28209479177387814;
const K1 = 0.4886025119029199;
const K2 = Math.sqrt(15 / (4 * Math.PI));
const K3 = 1 / Math.sqrt(32 * Math.PI);

/** Number of a step's group by channel. */
function groupOf(channel: number): number {
  return channel < 3 ? 0 : channel < 6 ? 1 : channel < 7 ? 2 : channel < 10 ? 3 : channel < 19 ? 4 : 5;
}

class GaussianSpawner implements Spawner {
  readonly count: number;
  readonly rows: number;
  readonly #label: Int32Array | undefined;
  readonly #steps: Float64Array;

  constructor(
    readonly part: Part,
    readonly scene: GaussianScene,
  ) {
    this.count = this.rows = scene.rows;
    this.#label = labelsOf(part);
    this.#steps = Float64Array.from({ length: scene.channels }, (_, c) => scene.facts.baseSteps[groupOf(c)]!);
  }

  firstOf(row: number): number {
    return row;
  }

  spawn(out: Float32Array, start: number, from: number, to: number, eye: Vector, look: PartLook): void {
    const { scene } = this;
    const { channels, facts, voxels } = scene;
    const eyes = look.motion.map((motion) => (motion === STILL ? eye : unmapped(motion, eye)));
    const values = new Float64Array(channels);
    for (let row = from; row < to; row++) {
      const at = (start + row) * WIDTH;
      if (look.gone[row]) {
        out[at + 3] = 0;
        continue;
      }
      for (let c = 0; c < channels; c++) values[c] = scene.values[row * channels + c]! * this.#steps[c]!;
      const label = this.#label?.[row] ?? 0;
      const mean = [0, 1, 2].map((axis) => Math.fround(voxels[3 * row + axis]! * facts.voxelSize)) as unknown as Vector;
      const seenFrom = eyes[label]!;
      const ray: Vector = [mean[0] - seenFrom[0], mean[1] - seenFrom[1], mean[2] - seenFrom[2]];
      const turn = turnOf(values[3]!, values[4]!, values[5]!);
      const scales = [0, 1, 2].map((axis) => Math.exp(values[axis]!));
      const rgb = colourOf(values, ray);
      const alpha = Math.min(1, Math.max(0, values[6]!));
      write(out, at, mean, alpha, rgb, scales, turn, look.motion[label]!, look.tint[label]);
      out[at + 7] = label > 0 ? this.part.firstObject + label : 0;
    }
  }
}

function turnOf(x: number, y: number, z: number): Quaternion {
  return [Math.sqrt(Math.max(0, 1 - x * x - y * y - z * z)), x, y, z];
}

function colourOf(values: Float64Array, ray: Vector): number[] {
  const [x, y, z] = ray.map((part) => part / Math.hypot(...ray)) as unknown as Vector;
  const harmonics = harmonicsOf((values.length - 7) / 3, x, y, z);
  let [a, b, c] = [0, 0, 0];
  harmonics.forEach((harmonic, i) => {
    a += values[7 + 3 * i]! * harmonic;
    b += values[8 + 3 * i]! * harmonic;
    c += values[9 + 3 * i]! * harmonic;
  });
  const rgb = [a / ROOT_3 + b / ROOT_2 + c / ROOT_6, a / ROOT_3 - (2 * c) / ROOT_6, a / ROOT_3 - b / ROOT_2 + c / ROOT_6];
  return rgb.map((sum) => Math.max(0, 0.5 + sum));
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
