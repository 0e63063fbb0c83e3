// From the bytes of a .csg file to a scene. The bytes are not trusted.

import { FormatError, RequestError, UnsupportedVersion } from "./base/errors.js";
import { compareCrc, Kernels } from "./base/kernels.js";
import { checkLimit, DEFAULT_LIMITS, type DecodeLimits } from "./base/limits.js";
import { Container, sourceOf, type ByteSource } from "./container/container.js";
import { nameOf } from "./container/kinds.js";
import { AnchorReader } from "./scene/anchors.js";
import { editsOf, objectsOf, type Edit } from "./scene/edits.js";
import { GaussianReader } from "./scene/gaussians.js";
import { Meta } from "./scene/meta.js";
import type { AnchorScene, CodedScene, GaussianScene, GroupScene } from "./scene/scene.js";
import { openSemantics, type SemanticLayer } from "./scene/semantics.js";
import { checkCodec } from "./scene/values.js";

const MOST_PARTS = 256;
const GROUP_KINDS = ["META", "PART", "EDIT"];

/** What of a file is wanted, and how much it may cost. */
export interface DecodeOptions {
  readonly limits?: Partial<DecodeLimits>;
  /** Numbers of the chunks to decode; all by default. Workers share a scene out by this. */
  readonly chunks?: readonly number[];
  /** Decode the semantic layer, too, where the file has one that is complete; true by default. */
  readonly semantics?: boolean;
  /** Read what was edited, too; true by default. A file that is cut before that is refused then. */
  readonly edits?: boolean;
  /**
   * Called after each chunk with the scene as far as it is there: `rows` of it are filled, semantics come last. Where
   * objects were edited there is no scene but the last one, as what was removed must not be seen.
   */
  readonly progress?: (done: number, total: number, scene: AnchorScene | GaussianScene | undefined) => void;
}

type RowScene = AnchorScene | GaussianScene;
type Wanted = Omit<Required<DecodeOptions>, "chunks" | "limits"> & {
  readonly chunks: readonly number[] | undefined;
  readonly limits: DecodeLimits;
};

/** A decoder and its memory; a page has one in each worker. */
export class Decoder {
  private constructor(readonly kernels: Kernels) {}

  /** For pages and programs: compiles beside what else happens. */
  static async create(): Promise<Decoder> {
    return new Decoder(await Kernels.create());
  }

  /** For workers and programs; browsers may refuse it on pages. */
  static createSync(): Decoder {
    return new Decoder(Kernels.createSync());
  }

  /**
   * Check header and table of contents of a file, and read no body.
   *
   * @throws FormatError Not a .csg file, damaged, or cut before the end of its colours.
   * @throws UnsupportedVersion It needs a newer reader.
   * @throws LimitExceeded It is larger than the limits allow.
   */
  open(data: Uint8Array | ByteSource, limits: Partial<DecodeLimits> = {}): Container {
    const source = data instanceof Uint8Array ? sourceOf(data) : data;
    return Container.open(source, this.kernels, { ...DEFAULT_LIMITS, ...limits });
  }

  /**
   * Decode a scene.
   *
   * @throws FormatError Not a .csg file, damaged, or cut before the end of its colours.
   * @throws UnsupportedVersion It needs a newer reader, or its symbols are coded by torchac.
   * @throws LimitExceeded It asks for more than the limits allow, or for more memory than there is.
   * @throws RequestError There is no such chunk.
   */
  decode(data: Uint8Array | ByteSource, options: DecodeOptions = {}): CodedScene {
    const { chunks, semantics = true, edits = true, progress = () => undefined } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.kernels.bound = Math.min(limits.maxMemoryBytes, this.kernels.most);
    return this.kernels.scope(() => {
      const container = this.open(data, limits);
      return decodeContainer(container, { chunks, semantics, edits, progress, limits });
    });
  }
}

function decodeContainer(container: Container, wanted: Wanted): CodedScene {
  const meta = new Meta(container);
  if (meta.representation === "group") return decodeGroup(container, meta, wanted);
  const edits = wanted.edits ? editsOf(container, () => countObjects(container)) : [];
  if (meta.representation === "anchors") {
    return decodeRows(container, new AnchorReader(container, meta, ...reading(wanted)), edits, wanted);
  }
  if (meta.representation === "gaussians") {
    return decodeRows(container, new GaussianReader(container, meta, ...reading(wanted)), edits, wanted);
  }
  throw new UnsupportedVersion(`the scene is made of '${meta.representation}', which this reader does not know`);
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

function decodeRows(
  container: Container,
  reader: AnchorReader | GaussianReader,
  edits: readonly Edit[],
  wanted: Wanted,
): RowScene {
  const ofObjects = edits.some((edit) => objectsOf(edit).length > 0);
  const semantics = wanted.semantics || ofObjects ? openSemantics(container, ...reading(wanted)) : undefined;
  const operations = reader.operations + (semantics?.operations ?? 0);
  checkLimit(wanted.limits, "maxNetworkOperations", reader.rows * operations, `networks for ${reader.rows} rows`);
  const scene = (rows: number, layer: SemanticLayer | undefined): RowScene => {
    const common = { rows, semantics: layer, edits, cut: container.cut };
    return reader instanceof AnchorReader
      ? { representation: "anchors", facts: reader.facts, networks: reader.networks, ...reader.arrays, ...common }
      : { representation: "gaussians", facts: reader.facts, channels: reader.channels, ...reader.arrays, ...common };
  };
  for (let number = 0; number < reader.chunkCount; number++) {
    const rows = reader.next(number);
    wanted.progress(number + 1, reader.chunkCount, ofObjects ? undefined : scene(rows, undefined));
  }
  return scene(reader.rows, semantics?.decode(reader.arrays.voxels, reader.facts.voxelSize));
}

function decodeGroup(container: Container, meta: Meta, wanted: Wanted): GroupScene {
  if (wanted.chunks !== undefined) throw new RequestError("a group is decoded as a whole, not by chunks");
  const facts = meta.groupFacts(MOST_PARTS);
  const parts = partsOf(container, wanted.limits, facts.placements.length);
  const objects = (): number => parts.reduce((sum, part) => sum + countObjects(part), 0);
  const edits = wanted.edits ? editsOf(container, objects) : [];
  const decoded = parts.map((part) => container.kernels.scope(() => decodeContainer(part, wanted) as RowScene));
  return { representation: "group", facts, parts: decoded, edits };
}

/** The files of a group: whole, and none of them a group. */
function partsOf(container: Container, limits: DecodeLimits, count: number): Container[] {
  container.refuseOthers(GROUP_KINDS, "a group");
  const entries = container.chunks("PART");
  if (entries.length !== count) {
    throw new FormatError(`${entries.length} sections PART, META places ${count}; the file is damaged`);
  }
  return entries.map((entry) => {
    checkCodec(entry);
    const body = container.body(entry);
    compareCrc(entry.decodedCrc, entry.storedCrc, nameOf(entry));
    const part = Container.open(sourceOf(body), container.kernels, limits);
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
