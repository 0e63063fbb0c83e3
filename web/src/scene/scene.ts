// What is inside a file, once it is decoded.

import type { AnchorArrays } from "./anchors.js";
import type { Edit } from "./edits.js";
import type { GaussianArrays } from "./gaussians.js";
import type { AnchorFacts, GaussianFacts, GroupFacts } from "./meta.js";
import type { RenderNetworks } from "./render_networks.js";
import type { SemanticLayer } from "./semantics.js";

/** What scenes of rows have in common; arrays have a row for each anchor or Gaussian. */
interface Rows {
  readonly rows: number;
  /** Undefined where the file has none, was cut after its colours, or they were not asked for. */
  readonly semantics: SemanticLayer | undefined;
  /** What shall be seen of the scene; all else is as it was before. */
  readonly edits: readonly Edit[];
  /** The file ends early; what is missing is semantic. */
  readonly cut: boolean;
}

/** A scene of anchors, which networks turn into Gaussians. */
export interface AnchorScene extends Rows, AnchorArrays {
  readonly representation: "anchors";
  readonly facts: AnchorFacts;
  readonly networks: RenderNetworks;
}

/** A scene of plain Gaussians. */
export interface GaussianScene extends Rows, GaussianArrays {
  readonly representation: "gaussians";
  readonly facts: GaussianFacts;
  /** Values of each Gaussian. */
  readonly channels: number;
}

/** Several scenes, each placed by `facts.placements`. */
export interface GroupScene {
  readonly representation: "group";
  readonly facts: GroupFacts;
  readonly parts: readonly (AnchorScene | GaussianScene)[];
  /** Of the group as a whole, after those of its parts; objects of a part follow on those of the parts before. */
  readonly edits: readonly Edit[];
}

export type CodedScene = AnchorScene | GaussianScene | GroupScene;
