// The Gaussians that a camera sees of a scene of anchors: FORMAT.md, section 9.4. Real numbers, not exact ones.

import type { RenderNetwork } from "../scene/render_networks.js";
import type { AnchorScene } from "../scene/scene.js";

/** Gaussians to be drawn: FORMAT.md, section 9.5. */
export interface Gaussians {
  /** The anchor, or other row of the scene, that each one belongs to. */
  readonly row: Int32Array;
  /** x, y, z. */
  readonly means: Float32Array;
  /** Unit quaternions w, x, y, z. */
  readonly quats: Float32Array;
  /** Standard deviations along the axes that these turn. */
  readonly scales: Float32Array;
  readonly opacities: Float32Array;
}

/** Gaussians with the colours that one camera sees. */
export interface SeenGaussians extends Gaussians {
  /** RGB, 0 to 1, as photos have it (sRGB). */
  readonly colours: Float32Array;
}

/**
 * What a camera at `eye` sees of anchors. Edits are not applied, and what is not finite is left out.
 *
 * @param rows How many anchors are there, of a scene that arrives.
 */
export function seenFrom(
  scene: AnchorScene,
  eye: readonly [number, number, number],
  rows: number = scene.rows,
): SeenGaussians {
  const { featureDim, numOffsets } = scene.facts;
  const edge = Math.fround(scene.facts.voxelSize);
  const found = new Collected();
  const input = new Float32Array(featureDim + 4);
  const [opacity, covariance, colour] = [scene.networks.opacity, scene.networks.covariance, scene.networks.colour].map(
    (network) => new Evaluated(network),
  ) as [Evaluated, Evaluated, Evaluated];
  for (let row = 0; row < rows; row++) {
    if (!scene.mask.subarray(row * numOffsets, (row + 1) * numOffsets).includes(1)) continue;
    const position = [0, 1, 2].map((axis) => scene.voxels[3 * row + axis]! * edge);
    const away = position.map((coordinate, axis) => coordinate - eye[axis]!);
    const distance = Math.hypot(...away);
    input.set(scene.feature.subarray(row * featureDim, (row + 1) * featureDim));
    for (let axis = 0; axis < 3; axis++) input[featureDim + axis] = away[axis]! / distance;
    input[featureDim + 3] = distance;
    const alphas = opacity.of(input);
    const drawn: number[] = [];
    for (let k = 0; k < numOffsets; k++) if (scene.mask[row * numOffsets + k] && alphas[k]! > 0) drawn.push(k);
    if (drawn.length === 0) continue;
    const [shapes, colours] = [covariance.of(input), colour.of(input)];
    for (const k of drawn) found.add(row, oneOf(scene, row, k, position, alphas, shapes, colours));
  }
  return found.arrays();
}

/** Numbers of a Gaussian: mean, quaternion, scales, opacity, colour. */
function oneOf(
  scene: AnchorScene,
  row: number,
  k: number,
  position: readonly number[],
  alphas: Float32Array,
  shapes: Float32Array,
  colours: Float32Array,
): number[] {
  const { numOffsets } = scene.facts;
  const axes = [0, 1, 2];
  const scaling = (channel: number): number => Math.exp(scene.scaling[6 * row + channel]!);
  const offset = (axis: number): number => scene.offset[3 * (row * numOffsets + k) + axis]!;
  const quat = [3, 4, 5, 6].map((part) => shapes[7 * k + part]!);
  const length = Math.hypot(...quat);
  return [
    ...axes.map((axis) => position[axis]! + offset(axis) * scaling(axis)),
    ...quat.map((part) => part / length),
    ...axes.map((axis) => scaling(3 + axis) * sigmoid(shapes[7 * k + axis]!)),
    Math.tanh(alphas[k]!),
    ...axes.map((channel) => sigmoid(colours[3 * k + channel]!)),
  ];
}

const WIDTHS = [3, 4, 3, 1, 3];

/** Gaussians while their number is not known. */
class Collected {
  readonly #rows: number[] = [];
  readonly #numbers: number[][] = WIDTHS.map(() => []);

  add(row: number, numbers: readonly number[]): void {
    if (!numbers.every(Number.isFinite)) return;
    this.#rows.push(row);
    let at = 0;
    WIDTHS.forEach((width, i) => {
      for (const end = at + width; at < end; at++) this.#numbers[i]!.push(numbers[at]!);
    });
  }

  arrays(): SeenGaussians {
    const [means, quats, scales, opacities, colours] = this.#numbers.map((list) => Float32Array.from(list)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    return { row: Int32Array.from(this.#rows), means, quats, scales, opacities, colours };
  }
}

/** A network with room for what it gives. */
class Evaluated {
  readonly #hidden: Float32Array;
  readonly #out: Float32Array;

  constructor(readonly network: RenderNetwork) {
    this.#hidden = new Float32Array(network[0].outputs);
    this.#out = new Float32Array(network[1].outputs);
  }

  /** Outputs, until the next call. */
  of(input: Float32Array): Float32Array {
    const [hidden, last] = this.network;
    multiply(hidden.weights, hidden.biases, input, this.#hidden);
    for (let i = 0; i < this.#hidden.length; i++) if (this.#hidden[i]! < 0) this.#hidden[i] = 0;
    multiply(last.weights, last.biases, this.#hidden, this.#out);
    return this.#out;
  }
}

function multiply(weights: Float32Array, biases: Float32Array, x: Float32Array, y: Float32Array): void {
  for (let o = 0, at = 0; o < y.length; o++) {
    let sum = biases[o]!;
    for (let i = 0; i < x.length; i++, at++) sum += weights[at]! * x[i]!;
    y[o] = sum;
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
