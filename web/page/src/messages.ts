// What the page and its worker say to each other.

import type { Edit } from "../../dist/index.js";
import type { FirstView } from "./first_view.js";
import type { ShownObject, Whole } from "./look.js";
import type { Vector } from "./maths.js";

/** A pinhole camera: x right, y down, z forward; a point p of the scene lies at `axes p + origin`. */
export interface Pinhole {
  /** 3x3 row by row. */
  readonly axes: readonly number[];
  readonly origin: Vector;
  readonly eye: Vector;
  readonly fx: number;
  readonly fy: number;
  readonly cx: number;
  readonly cy: number;
  readonly width: number;
  readonly height: number;
}

export type Question =
  /** An address, or a file that a person chose. */
  | { readonly ask: "load"; readonly source: string | Blob }
  | { readonly ask: "see"; readonly camera: Pinhole; readonly turn: number }
  /** Edits of the whole, and objects that are only out of sight. */
  | { readonly ask: "look"; readonly edits: readonly Edit[]; readonly hidden: readonly number[] }
  | { readonly ask: "pick"; readonly number: number; readonly camera: Pinhole; readonly x: number; readonly y: number }
  | { readonly ask: "save"; readonly number: number; readonly edits: readonly Edit[] };

/** What a page shows of a scene beside its picture. */
export interface Told extends FirstView {
  readonly name: string;
  readonly representation: string;
  readonly rows: number;
  readonly gaussians: number;
  readonly background: Vector;
  /** Units of the capture in one of the scene. */
  readonly unit: number;
  /** Those that the file has. */
  readonly edits: readonly Edit[];
  readonly cut: boolean;
  /** Of the vectors of objects; empty where they have none. */
  readonly textEncoder: string;
  /** Nothing more of it will come. */
  readonly whole: boolean;
}

export type Answer =
  /** Bytes of the file that have come, of all. */
  | { readonly tell: "bytes"; readonly bytes: number; readonly all: number }
  /** Shares of the scene that are decoded, where it cannot be shown before all is. */
  | { readonly tell: "progress"; readonly share: number }
  /** Once there is something to see, and whenever more of it is there. */
  | { readonly tell: "scene"; readonly told: Told }
  | { readonly tell: "objects"; readonly objects: readonly ShownObject[]; readonly wholes: readonly Whole[] }
  /** Some Gaussians anew, from the `first` one on; see `spawn.WIDTH`. `room` for so many is taken before, if it says so. */
  | { readonly tell: "gaussians"; readonly first: number; readonly numbers: Float32Array; readonly room?: number }
  /** The farthest first, whether all colours of what is there are as the camera sees them, and what "see" was answered last. */
  | { readonly tell: "order"; readonly order: Uint32Array; readonly settled: boolean; readonly whole: boolean; readonly turn: number }
  | { readonly tell: "picked"; readonly number: number; readonly object: number; readonly place: Vector | undefined }
  | { readonly tell: "saved"; readonly number: number; readonly bytes: Uint8Array }
  | { readonly tell: "error"; readonly message: string; readonly number?: number };
