// The networks that turn features into Gaussians, NETR: FORMAT.md, section 2.1.

import { ByteReader } from "../base/byte_reader.js";
import { FormatError } from "../base/errors.js";
import { checkRange } from "../networks/network.js";

const MOST_WIDTH = 4096;
/** Inputs beside the feature: direction and distance. */
const VIEW_CHANNELS = 4;

/** One affine layer. */
export interface RenderLayer {
  readonly inputs: number;
  readonly outputs: number;
  /** Row by row. */
  readonly weights: Float32Array;
  readonly biases: Float32Array;
}

/** Two layers, ReLU between them. */
export type RenderNetwork = readonly [RenderLayer, RenderLayer];

/** They read (feature, unit direction from the camera, distance) of an anchor. */
export interface RenderNetworks {
  /** One output for each slot. */
  readonly opacity: RenderNetwork;
  /** Seven. */
  readonly covariance: RenderNetwork;
  /** Three. */
  readonly colour: RenderNetwork;
}

export function readRenderNetworks(bytes: Uint8Array, featureDim: number, slots: number): RenderNetworks {
  const reader = new ByteReader(bytes, "NETR");
  checkRange(reader.u8(), 3, 3, "NETR, networks");
  const [opacity, covariance, colour] = [1, 7, 3].map((outputs) => {
    checkRange(reader.u8(), 2, 2, "NETR, layers");
    const network = [readLayer(reader), readLayer(reader)] as const;
    const [hidden, last] = network;
    if (
      hidden.inputs !== featureDim + VIEW_CHANNELS ||
      last.inputs !== hidden.outputs ||
      last.outputs !== outputs * slots
    ) {
      throw new FormatError("NETR: a network has not the shape that the attributes need; the file is damaged");
    }
    return network;
  }) as [RenderNetwork, RenderNetwork, RenderNetwork];
  if (covariance[0].outputs !== opacity[0].outputs || colour[0].outputs !== opacity[0].outputs) {
    throw new FormatError("NETR: its networks differ in width; the file is damaged");
  }
  reader.end();
  return { opacity, covariance, colour };
}

/** Multiplications of one anchor. */
export function renderOperations(networks: RenderNetworks): number {
  const layers = [networks.opacity, networks.covariance, networks.colour].flat();
  return layers.reduce((sum, layer) => sum + layer.inputs * layer.outputs, 0);
}

function readLayer(reader: ByteReader): RenderLayer {
  const outputs = checkRange(reader.u16(), 1, MOST_WIDTH, "NETR, outputs");
  const inputs = checkRange(reader.u16(), 1, MOST_WIDTH, "NETR, inputs");
  const precision = reader.u8();
  if (precision !== 8 && precision !== 16) throw new FormatError(`NETR: precision ${precision}, expected 8 or 16`);
  const scales = precision === 8 ? Float32Array.from(reader.many(outputs, reader.f32)) : undefined;
  const biases = Float32Array.from(reader.many(outputs, reader.f32));
  const stored = reader.take((outputs * inputs * precision) / 8);
  const weights = new Float32Array(outputs * inputs);
  for (let i = 0; i < weights.length; i++) {
    weights[i] = scales
      ? ((stored[i]! << 24) >> 24) * scales[Math.floor(i / inputs)]!
      : halfFloat(stored[2 * i]! | (stored[2 * i + 1]! << 8));
  }
  if (![scales ?? biases, biases, weights].every((numbers) => numbers.every(Number.isFinite))) {
    throw new FormatError("NETR: a number is not finite; the file is damaged");
  }
  return { inputs, outputs, weights, biases };
}

/** The number that 16 bits stand for. */
function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}
