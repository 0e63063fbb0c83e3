// Facts that META holds: FORMAT.md, sections 2.1, 16 and 17.

import { FormatError } from "../base/errors.js";
import { decodeUtf8, isStorable, quoted } from "../base/texts.js";
import type { Container } from "../container/container.js";

const LARGEST = 1e30;
const MOST_DEPTH = 32;

/** What all scenes say of themselves. */
export interface Facts {
  /** Colour behind the scene, RGB from 0 to 1. */
  readonly background: readonly number[];
  /** A 3x4 matrix row by row: a point x of the capture lies at `scale * (T [x; 1])` in the scene. */
  readonly transform: readonly number[];
  readonly scale: number;
  /** For people; to be escaped where they are shown. */
  readonly tool: string;
  readonly name: string;
  /** For applications. */
  readonly extra: Readonly<Record<string, unknown>>;
}

/** Facts about a scene of anchors. */
export interface AnchorFacts extends Facts {
  /** Edge of a voxel as it is written; positions are voxels times `Math.fround` of it. */
  readonly voxelSize: number;
  readonly featureDim: number;
  readonly numOffsets: number;
  /** Steps of feature, scaling and offsets. */
  readonly baseSteps: readonly number[];
}

/** Facts about a scene of plain Gaussians. */
export interface GaussianFacts extends Facts {
  /** Edge of a voxel as it is written; positions are voxels times `Math.fround` of it. */
  readonly voxelSize: number;
  /** Of the spherical harmonics, 0 to 3. */
  readonly degree: number;
  /** Steps of log scales, parts of quaternions, opacity, colour, harmonics of degree 1, of degrees 2 and 3. */
  readonly baseSteps: readonly number[];
}

/** Facts about a group. */
export interface GroupFacts extends Facts {
  /** For each part: factor, quaternion w x y z, shift. */
  readonly placements: readonly (readonly number[])[];
}

/** The JSON object of META, whatever is in it, and what the scene is made of. */
export class Meta {
  readonly #fields: Readonly<Record<string, unknown>>;
  /** `anchors`, or the name that META has for what the scene is made of. */
  readonly representation: string;

  constructor(container: Container) {
    const content = container.content("META");
    let fields: unknown;
    try {
      fields = JSON.parse(decodeUtf8(content.bytes, "META"));
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError(
        `META: expected JSON (${error instanceof Error ? error.message : ""}); the file is damaged`,
      );
    }
    if (!isObject(fields)) throw new FormatError("META: expected a JSON object; the file is damaged");
    this.#fields = fields;
    this.representation = container.header.represented ? this.#representation() : "anchors";
  }

  anchorFacts(): AnchorFacts {
    return {
      voxelSize: this.#positive("voxel_size"),
      featureDim: this.#whole("feature_dim", 1, 1024),
      numOffsets: this.#whole("num_offsets", 1, 32),
      baseSteps: this.#steps(3),
      ...this.#facts(),
    };
  }

  gaussianFacts(): GaussianFacts {
    return {
      voxelSize: this.#positive("voxel_size"),
      degree: this.#whole("degree", 0, 3),
      baseSteps: this.#steps(6),
      ...this.#facts(),
    };
  }

  groupFacts(mostParts: number): GroupFacts {
    const told = this.#fields["placements"];
    if (!Array.isArray(told) || told.length < 1 || told.length > mostParts) {
      throw new FormatError(`META: 'placements' must be a list of 1 to ${mostParts}`);
    }
    return { placements: told.map(placement), ...this.#facts() };
  }

  #representation(): string {
    const name = this.#fields["representation"];
    if (typeof name !== "string" || name === "" || name === "anchors" || !isStorable(name)) {
      throw new FormatError(`META: 'representation' must name one other than anchors, got ${quoted(name)}`);
    }
    return name;
  }

  #facts(): Facts {
    const extra = this.#fields["extra"];
    if (!isObject(extra)) throw new FormatError("META: 'extra' must be an object");
    checkExtra(extra);
    return {
      background: numbers(this.#fields["background"], 3, "background"),
      transform: numbers(this.#fields["transform"], 12, "transform"),
      scale: this.#positive("scale"),
      tool: this.#text("tool"),
      name: this.#text("name"),
      extra,
    };
  }

  #positive(name: string): number {
    const value = this.#fields[name];
    if (!isFinite(value) || Math.fround(value) <= 0) {
      throw new FormatError(`META: '${name}' must be a positive number, got ${quoted(value)}`);
    }
    return value;
  }

  #whole(name: string, lowest: number, highest: number): number {
    const value = this.#fields[name];
    if (!isFinite(value) || !Number.isInteger(value) || value < lowest || value > highest) {
      throw new FormatError(`META: '${name}' must be an integer in ${lowest}..${highest}, got ${quoted(value)}`);
    }
    return value;
  }

  #steps(count: number): readonly number[] {
    const steps = numbers(this.#fields["base_steps"], count, "base_steps");
    if (steps.some((step) => step <= 0)) throw new FormatError("META: base steps must be positive");
    return steps;
  }

  #text(name: string): string {
    const text = this.#fields[name];
    if (typeof text !== "string" || !isStorable(text)) {
      throw new FormatError(`META: '${name}' must be a text of at most 255 bytes without control characters`);
    }
    return text;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isFinite(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) < LARGEST;
}

function numbers(value: unknown, count: number, name: string): readonly number[] {
  if (!Array.isArray(value) || value.length !== count || !value.every(isFinite)) {
    throw new FormatError(`META: '${name}' must be ${count} finite numbers`);
  }
  return value;
}

function placement(told: unknown): readonly number[] {
  const [factor, w, x, y, z, ...shift] = numbers(told, 8, "placements") as [number, number, number, number, number];
  const length = Math.hypot(w, x, y, z);
  const far = shift.some((coordinate) => Math.abs(coordinate) >= 1e15);
  if (factor < 1e-9 || factor > 1e9 || far || length <= 0.999 || length >= 1.001) {
    throw new FormatError("META: a placement leads beyond what can be drawn, or its quaternion has not length 1");
  }
  return [factor, w / length, x / length, y / length, z / length, ...shift];
}

/** Refuse numbers that are too large, and too many objects and lists inside each other. */
function checkExtra(extra: Record<string, unknown>): void {
  let level: unknown[] = [extra];
  for (let depth = 0; depth <= MOST_DEPTH; depth++) {
    if (level.some((value) => typeof value === "number" && !isFinite(value))) {
      throw new FormatError(`META: a number of 'extra' is not finite, or at least ${LARGEST}`);
    }
    const nested = level.filter((value) => typeof value === "object" && value !== null);
    if (nested.length === 0) return;
    level = nested.flatMap((value) => Object.values(value as object));
  }
  throw new FormatError(`META: 'extra' is nested more than ${MOST_DEPTH} deep`);
}
