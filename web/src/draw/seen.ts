// The Gaussians that a camera sees of a scene of anchors: FORMAT.md, section 9.4. Real numbers, not exact ones.

import type { AnchorScene } from "../scene/scene.js";
import { AnchorEye } from "./anchor_eye.js";

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
  const { numOffsets } = scene.facts;
  const found = new Collected();
  const look = new AnchorEye(scene, rows);
  for (let row = 0; row < rows; row++) {
    const kept = scene.mask.subarray(row * numOffsets, (row + 1) * numOffsets);
    if (!kept.includes(1) || !look.look(row, eye)) continue;
    kept.forEach((bit, k) => {
      if (!bit) return;
      const { mean, quat, scales, opacity, colour } = look.slot(k);
      const length = Math.hypot(...quat);
      if (opacity > 0) found.add(row, [...mean, ...quat.map((part) => part / length), ...scales, opacity, ...colour]);
    });
  }
  return found.arrays();
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
