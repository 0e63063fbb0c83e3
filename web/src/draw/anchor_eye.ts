// What an eye sees of one anchor after another: FORMAT.md, section 9.4. Real numbers, not exact ones.

import { newArray } from "../base/arrays.js";
import type { RenderNetwork } from "../scene/render_networks.js";
import type { AnchorScene } from "../scene/scene.js";

/** A Gaussian of a slot, until the next one is asked for. */
export interface SlotGaussian {
  readonly mean: [number, number, number];
  /** w, x, y, z of any length. */
  readonly quat: [number, number, number, number];
  readonly scales: [number, number, number];
  opacity: number;
  readonly colour: [number, number, number];
}

/**
 * The networks of a scene, with what features say of their first layers computed once: looking again from elsewhere
 * costs a few inputs, and the outputs of the slots that are drawn.
 */
export class AnchorEye {
  readonly #opacity: Network;
  readonly #covariance: Network;
  readonly #colour: Network;
  readonly #edge: number;
  readonly #view = new Float64Array(4);
  readonly #place: [number, number, number] = [0, 0, 0];
  #row = 0;
  readonly #gaussian: SlotGaussian = { mean: [0, 0, 0], quat: [0, 0, 0, 0], scales: [0, 0, 0], opacity: 0, colour: [0, 0, 0] };

  /** @param rows How many anchors are there, of a scene that arrives. */
  constructor(
    readonly scene: AnchorScene,
    rows: number = scene.rows,
  ) {
    const { opacity, covariance, colour } = scene.networks;
    this.#opacity = new Network(opacity, scene);
    this.#covariance = new Network(covariance, scene);
    this.#colour = new Network(colour, scene);
    this.#edge = Math.fround(scene.facts.voxelSize);
    this.grow(rows);
  }

  /** More anchors have come: so many are there now. */
  grow(rows: number): void {
    for (const network of [this.#opacity, this.#covariance, this.#colour]) network.grow(rows);
  }

  /** Look at an anchor; false where the eye is in it, so that nothing of it is drawn. */
  look(row: number, eye: readonly [number, number, number]): boolean {
    const view = this.#view;
    this.#row = row;
    for (let axis = 0; axis < 3; axis++) {
      this.#place[axis] = Math.fround(this.scene.voxels[3 * row + axis]! * this.#edge);
      view[axis] = this.#place[axis]! - eye[axis]!;
    }
    const distance = Math.hypot(view[0]!, view[1]!, view[2]!);
    if (!(distance > 0)) return false;
    for (let axis = 0; axis < 3; axis++) view[axis]! /= distance;
    view[3] = distance;
    this.#opacity.see(row, view);
    this.#covariance.see(row, view);
    this.#colour.see(row, view);
    return true;
  }

  /** The Gaussian of a slot; its opacity is not above 0 where nothing is drawn. */
  slot(k: number): SlotGaussian {
    const { scene } = this;
    const found = this.#gaussian;
    const scaling = 6 * this.#row;
    const offset = 3 * (this.#row * scene.facts.numOffsets + k);
    found.opacity = Math.tanh(this.#opacity.output(k));
    for (let axis = 0; axis < 3; axis++) {
      const reach = Math.exp(scene.scaling[scaling + axis]!);
      const size = Math.exp(scene.scaling[scaling + 3 + axis]!);
      found.mean[axis] = this.#place[axis]! + scene.offset[offset + axis]! * reach;
      found.scales[axis] = size * sigmoid(this.#covariance.output(7 * k + axis));
      found.colour[axis] = sigmoid(this.#colour.output(3 * k + axis));
    }
    for (let part = 0; part < 4; part++) found.quat[part] = this.#covariance.output(7 * k + 3 + part);
    return found;
  }
}

/** One of the networks of NETR. After `see`, its answer is read output by output, as few slots are drawn. */
class Network {
  readonly #hidden: Float32Array;
  readonly #known: Float32Array;
  readonly #view: Float32Array;
  readonly #ofFeature: Float32Array;
  readonly #width: number;
  #rows = 0;

  constructor(
    readonly network: RenderNetwork,
    readonly scene: AnchorScene,
  ) {
    const [{ inputs, outputs, weights }] = network;
    const { featureDim } = scene.facts;
    const byInput = (first: number, count: number): Float32Array => // runs along the outputs
      Float32Array.from({ length: count * outputs }, (_, i) => {
        return weights[(i % outputs) * inputs + first + Math.floor(i / outputs)]!;
      });
    this.#width = outputs;
    this.#hidden = new Float32Array(outputs);
    this.#view = byInput(featureDim, 4);
    this.#ofFeature = byInput(0, featureDim);
    this.#known = newArray(Float32Array, (scene.feature.length / featureDim) * outputs);
  }

  grow(rows: number): void {
    const [{ biases }] = this.network;
    const { featureDim } = this.scene.facts;
    const [outputs, ofFeature] = [this.#width, this.#ofFeature];
    for (let row = this.#rows; row < rows; row++) {
      const known = this.#known.subarray(row * outputs, (row + 1) * outputs);
      known.set(biases);
      for (let i = 0; i < featureDim; i++) {
        const value = this.scene.feature[row * featureDim + i]!;
        for (let unit = 0, at = i * outputs; unit < outputs; unit++, at++) known[unit]! += value * ofFeature[at]!;
      }
    }
    this.#rows = rows;
  }

  see(row: number, [x, y, z, distance]: Float64Array): void {
    const width = this.#width;
    for (let unit = 0, known = row * width; unit < width; unit++, known++) {
      const sum =
        this.#known[known]! +
        x! * this.#view[unit]! +
        y! * this.#view[width + unit]! +
        z! * this.#view[2 * width + unit]! +
        distance! * this.#view[3 * width + unit]!;
      this.#hidden[unit] = sum > 0 ? sum : 0;
    }
  }

  output(number: number): number {
    const [, { inputs, weights, biases }] = this.network;
    let sum = biases[number]!;
    for (let i = 0, at = number * inputs; i < inputs; i++, at++) sum += this.#hidden[i]! * weights[at]!;
    return sum;
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}
