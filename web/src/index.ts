// A decoder of .csg files: what this package offers. README.md shows how.

export { CsgError, FormatError, LimitExceeded, RequestError, UnsupportedVersion } from "./base/errors.js";
export { DEFAULT_LIMITS, type DecodeLimits } from "./base/limits.js";
export { Container, sourceOf, type ByteSource } from "./container/container.js";
export { httpSource } from "./container/http.js";
export { blobSource, FetchedSource, type RangeSource } from "./container/ranges.js";
export type { Entry } from "./container/kinds.js";
export type { Progress } from "./decoding.js";
export { Decoder, type DecodeOptions } from "./decoder.js";
export type { AnchorArrays } from "./scene/anchors.js";
export { contentDigest } from "./scene/digest.js";
export { withEdits } from "./scene/edit_writer.js";
export { objectsOf, type Edit } from "./scene/edits.js";
export type { GaussianArrays } from "./scene/gaussians.js";
export type { AnchorFacts, Facts, GaussianFacts, GroupFacts } from "./scene/meta.js";
export type { SceneObject } from "./scene/objects.js";
export type { RenderLayer, RenderNetwork, RenderNetworks } from "./scene/render_networks.js";
export type { AnchorScene, CodedScene, GaussianScene, GroupScene } from "./scene/scene.js";
export type { SemanticLayer } from "./scene/semantics.js";
export { ObjectTree } from "./scene/tree.js";
export { AnchorEye, type SlotGaussian } from "./draw/anchor_eye.js";
export { plainGaussians, type PlainGaussians } from "./draw/plain.js";
export { seenFrom, type Gaussians, type SeenGaussians } from "./draw/seen.js";
export type { Port } from "./workers/messages.js";
export { WorkerPool } from "./workers/pool.js";
export { serve } from "./workers/serve.js";
