// Entropy models by their numbers: FORMAT.md, section 8.1.

import { UnsupportedVersion } from "../base/errors.js";
import type { Kernels } from "../base/kernels.js";
import { ChannelModel, type EntropyModel } from "./channel_model.js";
import type { ChannelLayout } from "./layout.js";
import { NeighbourModel } from "./neighbours.js";
import { ProgressiveModel } from "./progressive.js";

/** Read a model by its number. */
export function readModel(
  kernels: Kernels,
  number: number,
  bytes: Uint8Array,
  layout: ChannelLayout,
  where: string,
): EntropyModel {
  if (number === 0) return ChannelModel.read(kernels, bytes, layout, where);
  if (number === 1) return NeighbourModel.read(kernels, bytes, layout, where);
  if (number === 2) return ProgressiveModel.read(kernels, bytes, layout, where);
  throw new UnsupportedVersion(
    `${where}: entropy model ${number} is unknown, expected 0, 1 or 2; a newer reader is needed`,
  );
}
