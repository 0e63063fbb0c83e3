// Scenes of some chunks each as one scene.

import { newArray } from "../base/arrays.js";
import type { AnchorScene, GaussianScene } from "../scene/scene.js";

export type RowScene = AnchorScene | GaussianScene;

/** The rows of scenes of one file, one after the other; all else is that of the first. */
export function joined(parts: readonly RowScene[]): RowScene {
  const first = parts[0]!;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const voxels = concatenated(
    Int32Array,
    parts.map((part) => part.voxels),
  );
  if (first.representation === "gaussians") {
    return {
      ...first,
      rows,
      voxels,
      values: concatenated(
        Int32Array,
        (parts as GaussianScene[]).map((part) => part.values),
      ),
    };
  }
  const anchors = parts as AnchorScene[];
  const real = (name: "feature" | "scaling" | "offset"): Float32Array =>
    concatenated(
      Float32Array,
      anchors.map((part) => part[name]),
    );
  const mask = concatenated(
    Uint8Array,
    anchors.map((part) => part.mask),
  );
  return { ...first, rows, voxels, feature: real("feature"), scaling: real("scaling"), offset: real("offset"), mask };
}

interface NumberArray extends ArrayLike<number> {
  set(from: ArrayLike<number>, at: number): void;
}

function concatenated<T extends NumberArray>(type: new (count: number) => T, parts: readonly T[]): T {
  const all = newArray(
    type,
    parts.reduce((sum, part) => sum + part.length, 0),
  );
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
