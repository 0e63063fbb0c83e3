// The walk through a file, from its sections to a scene. It says what it needs next: a file may arrive meanwhile.

import { FormatError, RequestError, UnsupportedVersion } from "./base/errors.js";
import { compareCrc } from "./base/kernels.js";
import { checkLimit, type DecodeLimits } from "./base/limits.js";
import { Container, sourceOf } from "./container/container.js";
import { nameOf, type Entry } from "./container/kinds.js";
import { AnchorReader } from "./scene/anchors.js";
import { editsOf, objectsOf, type Edit } from "./scene/edits.js";
import { GaussianReader } from "./scene/gaussians.js";
import { Meta } from "./scene/meta.js";
import type { AnchorScene, CodedScene, GaussianScene, GroupScene } from "./scene/scene.js";
import { openSemantics, type SemanticLayer } from "./scene/semantics.js";
import { checkCodec } from "./scene/values.js";

const MOST_PARTS = 256;
const GROUP_KINDS = ["META", "PART", "EDIT"];
/** Without which no chunk is decoded. */
export const COMMON_KINDS = ["META", "NETE", "NETR"];
const OBJECT_KINDS = ["NETS", "LABL", "OPAC", "TREE"];

export type RowScene = AnchorScene | GaussianScene;

/** What of a file is wanted. */
export interface Wanted {
  readonly limits: DecodeLimits;
  readonly chunks: readonly number[] | undefined;
  readonly semantics: boolean;
  readonly edits: boolean;
}

/** Before the walk goes on, the bodies of these sections must be there. */
export interface Need {
  readonly need: readonly Entry[];
}

/** The same of a chunk, one of those that follow on each other. Whoever has decoded it elsewhere may answer with that. */
export interface ChunkNeed extends Need {
  readonly number: number;
  readonly chunks: readonly (readonly Entry[])[];
}

/** A chunk is decoded; `scene` is what is there, undefined where objects were edited, as semantics come last. */
export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly scene: RowScene | undefined;
}

export type Step = Need | ChunkNeed | Progress;
/** A walk; to its steps a scene of one chunk may be answered. */
export type Walk<T> = Generator<Step, T, RowScene | undefined>;

/** Walk through a file; its scene comes back in the end. Memory of the kernels is taken, and not given back. */
export function* decodeSteps(container: Container, wanted: Wanted): Walk<CodedScene> {
  yield { need: ofKinds(container, COMMON_KINDS) };
  const meta = new Meta(container);
  if (meta.representation === "group") return yield* groupSteps(container, meta, wanted);
  const edited = wanted.edits && ofKinds(container, ["EDIT"]).length > 0;
  yield { need: ofKinds(container, edited ? ["EDIT", "LABL"] : []) };
  const edits = wanted.edits ? readEditsOf(container, wanted) : [];
  if (meta.representation === "anchors") {
    return yield* rowSteps(container, new AnchorReader(container, meta, ...reading(wanted)), edits, wanted);
  }
  if (meta.representation === "gaussians") {
    return yield* rowSteps(container, new GaussianReader(container, meta, ...reading(wanted)), edits, wanted);
  }
  throw new UnsupportedVersion(`the scene is made of '${meta.representation}', which this reader does not know`);
}

/** The scene at the end of a walk through a file that is wholly there. */
export function walked(steps: Walk<CodedScene>, progress: (step: Progress) => void): CodedScene {
  for (;;) {
    const step = steps.next(undefined);
    if (step.done) return step.value;
    if ("done" in step.value) progress(step.value);
  }
}

/** What was edited in a file that is wholly there. */
export function readEditsOf(container: Container, wanted: Wanted): readonly Edit[] {
  const meta = new Meta(container);
  const parts = meta.representation === "group" ? groupParts(container, meta, wanted) : [container];
  return editsOf(container, () => parts.reduce((sum, part) => sum + countObjects(part), 0));
}

function ofKinds(container: Container, kinds: readonly string[]): Entry[] {
  return container.entries.filter(({ kind }) => kinds.includes(kind));
}

/** Which chunks a reader shall decode, out of so many, and within what limits. */
function reading(wanted: Wanted): [(count: number) => readonly number[], DecodeLimits] {
  const choose = (count: number): readonly number[] => {
    const numbers = wanted.chunks ?? Array.from({ length: count }, (_, i) => i);
    for (const number of numbers) {
      if (!Number.isInteger(number) || number < 0 || number >= count) {
        throw new RequestError(`chunk ${number} does not exist; the file has chunks 0..${count - 1}`);
      }
    }
    return numbers;
  };
  return [choose, wanted.limits];
}

function* rowSteps(
  container: Container,
  reader: AnchorReader | GaussianReader,
  edits: readonly Edit[],
  wanted: Wanted,
): Walk<RowScene> {
  checkLimit(wanted.limits, "maxNetworkOperations", reader.rows * reader.operations, `networks for ${reader.rows} rows`);
  const scene = (rows: number, layer: SemanticLayer | undefined): RowScene => {
    const common = { rows, semantics: layer, edits, cut: container.cut };
    return reader instanceof AnchorReader
      ? { representation: "anchors", facts: reader.facts, networks: reader.networks, ...reader.arrays, ...common }
      : { representation: "gaussians", facts: reader.facts, channels: reader.channels, ...reader.arrays, ...common };
  };
  const ofObjects = edits.some((edit) => objectsOf(edit).length > 0);
  const { chunks } = reader;
  for (let number = 0; number < chunks.length; number++) {
    const elsewhere = yield { need: chunks[number]!, number, chunks };
    const rows = elsewhere === undefined ? reader.next(number) : reader.take(number, elsewhere);
    yield { done: number + 1, total: chunks.length, scene: ofObjects ? undefined : scene(rows, undefined) };
  }
  if (!wanted.semantics && !ofObjects) return scene(reader.rows, undefined);
  yield { need: ofKinds(container, OBJECT_KINDS) };
  const semantics = openSemantics(container, ...reading(wanted));
  if (semantics === undefined) return scene(reader.rows, undefined);
  const operations = reader.rows * (reader.operations + semantics.operations);
  checkLimit(wanted.limits, "maxNetworkOperations", operations, `networks for ${reader.rows} rows`);
  yield { need: semantics.chunks };
  return scene(reader.rows, semantics.decode(reader.arrays.voxels, reader.facts.voxelSize));
}

function* groupSteps(container: Container, meta: Meta, wanted: Wanted): Walk<GroupScene> {
  if (wanted.chunks !== undefined) throw new RequestError("a group is decoded as a whole, not by chunks");
  yield { need: container.entries };
  const parts = groupParts(container, meta, wanted);
  const facts = meta.groupFacts(MOST_PARTS);
  const edits = wanted.edits ? readEditsOf(container, wanted) : [];
  const decode = (part: Container): RowScene =>
    container.kernels.scope(() => walked(decodeSteps(part, wanted), () => undefined) as RowScene);
  return { representation: "group", facts, parts: parts.map(decode), edits };
}

/** The files of a group: whole, and none of them a group. */
function groupParts(container: Container, meta: Meta, wanted: Wanted): Container[] {
  const count = meta.groupFacts(MOST_PARTS).placements.length;
  container.refuseOthers(GROUP_KINDS, "a group");
  const entries = container.chunks("PART");
  if (entries.length !== count) {
    throw new FormatError(`${entries.length} sections PART, META places ${count}; the file is damaged`);
  }
  return entries.map((entry) => {
    checkCodec(entry);
    const body = container.body(entry);
    compareCrc(entry.decodedCrc, entry.storedCrc, nameOf(entry));
    const part = Container.open(sourceOf(body), container.kernels, wanted.limits);
    if (part.cut || part.header.rows !== entry.rows) {
      throw new FormatError(`${nameOf(entry)}: is cut, or has not the ${entry.rows} rows that it promises`);
    }
    if (new Meta(part).representation === "group") {
      throw new UnsupportedVersion(`${nameOf(entry)}: is a group itself, which no part may be`);
    }
    return part;
  });
}

/** How many objects a file lists. */
function countObjects(container: Container): number {
  if (container.ofKind("LABL").length === 0) return 0;
  const { bytes } = container.content("LABL");
  return bytes.length < 2 ? 0 : bytes[0]! | (bytes[1]! << 8);
}
