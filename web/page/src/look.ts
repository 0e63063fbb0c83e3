// What edits make of a scene: which rows are gone, where objects are, their colours and names. FORMAT.md, section 15.

import type { AnchorScene, CodedScene, Edit, GaussianScene, SceneObject } from "../../dist/index.js";
import { about, isStill, mapped, STILL, then, turnAround, type Similarity, type Vector, vectorAt } from "./maths.js";

/** A scene of a group, or the whole scene as its only part. */
export interface Part {
  readonly scene: AnchorScene | GaussianScene;
  /** From its frame to that of the whole. */
  readonly placement: Similarity;
  /** Objects of the parts before. */
  readonly firstObject: number;
}

/** How the rows of a part are shown; arrays by label have a number for rows of no object, too, at 0. */
export interface PartLook {
  /** 1 for rows that are gone. */
  readonly gone: Uint8Array;
  /** Where rows of each label stand in the whole. */
  readonly motion: readonly Similarity[];
  /** A colour for each label that has another one. */
  readonly tint: readonly (Vector | undefined)[];
  /** How solid each label is to clicks and lines around it: a power of transparency. */
  readonly power: readonly number[];
}

/** An object as edits left it. */
export interface ShownObject {
  readonly id: number;
  readonly name: string;
  readonly rows: number;
  readonly centre: Vector;
  readonly lowest: Vector;
  readonly highest: Vector;
  /** What it looks like, for words that are encoded as it is. */
  readonly vector: readonly number[] | undefined;
}

/** Objects that make up something larger, in rising order. */
export type Whole = readonly number[];

export interface Look {
  readonly parts: readonly PartLook[];
  /** Those of which something is left. */
  readonly objects: readonly ShownObject[];
}

/** The parts of a scene. */
export function partsOf(scene: CodedScene): Part[] {
  if (scene.representation !== "group") return [{ scene, placement: STILL, firstObject: 0 }];
  let firstObject = 0;
  return scene.parts.map((part, i) => {
    const [factor, w, x, y, z, ...shift] = scene.facts.placements[i] as [number, number, number, number, number];
    const found: Part = { scene: part, placement: { factor, turn: [w, x, y, z], shift: vectorAt(shift) }, firstObject };
    firstObject += part.semantics?.objects.length ?? 0;
    return found;
  });
}

/** All wholes that objects are parts of, numbered as in the whole scene; those of a file that nothing tells of are none. */
export function wholesOf(parts: readonly Part[]): Whole[] {
  return parts.flatMap(({ scene, firstObject }) => {
    const tree = scene.semantics?.tree;
    return tree === undefined ? [] : tree.members().slice(tree.objects).map((ids) => ids.map((id) => firstObject + id));
  });
}

/** Labels of rows; undefined where nothing is known. */
export function labelsOf(part: Part): Int32Array | undefined {
  return part.scene.semantics?.label;
}

/** The look of a scene after some edits of the whole, which follow those that its parts have. */
export function lookOf(parts: readonly Part[], edits: readonly Edit[], grouped: boolean): Look {
  const states = parts.map((part) => new PartState(part));
  const names = new Map<number, string>();
  states.forEach((state, i) => {
    const part = parts[i]!;
    if (grouped) for (const edit of part.scene.edits) state.apply(edit, 0, names, part.firstObject);
    state.place(part.placement);
  });
  for (const edit of edits) states.forEach((state, i) => state.apply(edit, parts[i]!.firstObject, names, 0));
  return { parts: states, objects: states.flatMap((state) => state.objects(names)) };
}

/** A point of the middle of some objects, by the rows that they have. */
export function middleOf(objects: readonly ShownObject[]): Vector {
  const rows = objects.reduce((sum, { rows }) => sum + rows, 0) || 1;
  const sum = [0, 1, 2].map((axis) => objects.reduce((all, { centre, rows }) => all + centre[axis]! * rows, 0) / rows);
  return vectorAt(sum);
}

class PartState implements PartLook {
  readonly gone: Uint8Array;
  readonly motion: Similarity[];
  readonly tint: (Vector | undefined)[];
  readonly power: readonly number[];
  readonly #label: Int32Array | undefined;
  readonly #known: readonly SceneObject[];

  constructor(readonly part: Part) {
    this.gone = new Uint8Array(part.scene.rows);
    this.#label = labelsOf(part);
    this.#known = part.scene.semantics?.objects ?? [];
    this.motion = new Array<Similarity>(this.#known.length + 1).fill(STILL);
    this.tint = new Array<Vector | undefined>(this.#known.length + 1).fill(undefined);
    this.power = [1, ...this.#known.map(({ solidity }) => solidity)];
  }

  place(placement: Similarity): void {
    if (isStill(placement)) return;
    this.motion.forEach((motion, label) => (this.motion[label] = then(motion, placement)));
  }

  /** Apply an edit whose objects are numbered from `first` on; names are kept by numbers from `named` on. */
  apply(edit: Edit, first: number, names: Map<number, string>, named: number): void {
    if (edit.do === "crop") {
      this.#crop(edit.lowest, edit.highest);
      return;
    }
    const labels = edit.objects.map((id) => id - first).filter((label) => label > 0 && label < this.motion.length);
    const chosen = new Set(labels);
    if (edit.do === "remove" || edit.do === "keep") {
      const remove = edit.do === "remove";
      this.gone.forEach((gone, row) => {
        if (!gone && chosen.has(this.#label?.[row] ?? 0) === remove) this.gone[row] = 1;
      });
      return;
    }
    const motion = motionOf(edit);
    for (const label of labels) {
      if (motion) this.motion[label] = then(this.motion[label]!, motion);
      if (edit.do === "recolour") this.tint[label] = edit.colour;
      if (edit.do === "rename") names.set(named + first + label, edit.name);
    }
  }

  /** Of what is left. */
  objects(names: ReadonlyMap<number, string>): ShownObject[] {
    const left = new Array<number>(this.motion.length).fill(0);
    this.gone.forEach((gone, row) => {
      if (!gone) left[this.#label?.[row] ?? 0]! += 1;
    });
    return this.#known.flatMap((object, i) => {
      const rows = left[i + 1]!;
      const id = this.part.firstObject + object.id;
      return rows > 0 ? [{ id, rows, name: names.get(id) ?? object.name, vector: object.embedding, ...movedBox(object, this.motion[i + 1]!) }] : [];
    });
  }

  #crop(lowest: Vector, highest: Vector): void {
    const { voxelSize } = this.part.scene.facts;
    const { voxels } = this.part.scene;
    this.gone.forEach((gone, row) => {
      if (gone) return;
      const place: Vector = [voxels[3 * row]! * voxelSize, voxels[3 * row + 1]! * voxelSize, voxels[3 * row + 2]! * voxelSize];
      const now = mapped(this.motion[this.#label?.[row] ?? 0]!, place);
      if (!now.every((x, axis) => x >= lowest[axis]! && x <= highest[axis]!)) this.gone[row] = 1;
    });
  }
}

function motionOf(edit: Edit): Similarity | undefined {
  switch (edit.do) {
    case "move":
      return { ...STILL, shift: edit.shift };
    case "rotate":
      return about(edit.about, turnAround(edit.axis, edit.degrees), 1);
    case "scale":
      return about(edit.about, [1, 0, 0, 0], edit.factor);
    default:
      return undefined;
  }
}

/** Centre and box of an object where it is now; the box around the moved one. */
function movedBox(object: SceneObject, motion: Similarity): Pick<ShownObject, "centre" | "lowest" | "highest"> {
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) =>
    mapped(motion, vectorAt([0, 1, 2].map((axis) => (bits & (1 << axis) ? object.highest : object.lowest)[axis]!))),
  );
  const extreme = (pick: (...values: number[]) => number): Vector =>
    vectorAt([0, 1, 2].map((axis) => pick(...corners.map((corner) => corner[axis]!))));
  return {
    centre: mapped(motion, vectorAt(object.centre)),
    lowest: extreme(Math.min),
    highest: extreme(Math.max),
  };
}
