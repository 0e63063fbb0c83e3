// Plain Gaussians in units of their scene: FORMAT.md, section 16.1.

import type { GaussianScene } from "../scene/scene.js";
import type { Gaussians } from "./seen.js";

/** Gaussians whose colours depend on the view by spherical harmonics, in the order and with the constants of 3DGS. */
export interface PlainGaussians extends Gaussians {
  /** RGB of each harmonic of each Gaussian. */
  readonly harmonics: Float32Array;
}

const FIRST_COLOUR = 7;
/** Channels that share a step, in order. */
const GROUPS = [3, 3, 1, 3, 9, 36];
const [THIRD, HALF, SIXTH] = [1 / Math.sqrt(3), 1 / Math.sqrt(2), 1 / Math.sqrt(6)];

/**
 * The Gaussians of a scene. Edits are not applied; what is not finite is for the caller to leave out.
 *
 * @param end How many are there, of a scene that arrives.
 * @param first The first one that is wanted.
 */
export function plainGaussians(scene: GaussianScene, end: number = scene.rows, first = 0): PlainGaussians {
  const { channels } = scene;
  const rows = end - first;
  const voxels = scene.voxels.subarray(3 * first, 3 * end);
  const values = scene.values.subarray(channels * first, channels * end);
  const edge = Math.fround(scene.facts.voxelSize);
  const steps = GROUPS.flatMap((width, i) => new Array<number>(width).fill(scene.facts.baseSteps[i]!));
  const found = {
    row: Int32Array.from({ length: rows }, (_, row) => first + row),
    means: Float32Array.from({ length: 3 * rows }, (_, i) => voxels[i]! * edge),
    quats: new Float32Array(4 * rows),
    scales: new Float32Array(3 * rows),
    opacities: new Float32Array(rows),
    harmonics: new Float32Array((channels - FIRST_COLOUR) * rows),
  };
  for (let row = 0; row < rows; row++) {
    const value = (channel: number): number => values[row * channels + channel]! * steps[channel]!;
    const turn = [value(3), value(4), value(5)];
    const w = Math.sqrt(Math.max(0, 1 - turn.reduce((sum, part) => sum + part * part, 0)));
    const length = Math.hypot(w, ...turn);
    found.quats.set(
      [w, ...turn].map((part) => part / length),
      4 * row,
    );
    found.scales.set(
      [0, 1, 2].map((axis) => Math.exp(Math.fround(value(axis)))),
      3 * row,
    );
    found.opacities[row] = Math.max(0, Math.min(1, value(6)));
    for (let channel = FIRST_COLOUR; channel < channels; channel += 3) {
      const [a, b, c] = [value(channel) * THIRD, value(channel + 1) * HALF, value(channel + 2) * SIXTH];
      found.harmonics.set([a + b + c, a - 2 * c, a - b + c], (channels - FIRST_COLOUR) * row + channel - FIRST_COLOUR);
    }
  }
  return found;
}
