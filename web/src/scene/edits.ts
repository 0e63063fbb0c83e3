// What was done to a scene after it was coded, EDIT: FORMAT.md, section 15.

import { ByteReader } from "../base/byte_reader.js";
import { FormatError, UnsupportedVersion } from "../base/errors.js";
import { Sha256 } from "../base/sha256.js";
import { decodeText } from "../base/texts.js";
import type { Container } from "../container/container.js";
import { checkRange } from "../networks/network.js";

const BINDING_BYTES = 16;
export const MOST_EDITS = 1024;
const LARGEST = 1e9;
const SHORTEST_AXIS = 1e-9;
const BOUND_KINDS = ["NETS", "LABL", "SEMA"];
const FREE_KINDS = ["META", "EDIT"];
const RENAME = 7;
const CROP = 8;
/** Numbers (f64) of each operation. */
const NUMBERS = [0, 0, 0, 3, 7, 4, 3, 0, 6];

type Triple = readonly [number, number, number];

/** An operation; objects are numbers, ascending. */
export type Edit =
  | { readonly do: "remove"; readonly objects: readonly number[] }
  | { readonly do: "keep"; readonly objects: readonly number[] }
  | { readonly do: "move"; readonly objects: readonly number[]; readonly shift: Triple }
  | {
      readonly do: "rotate";
      readonly objects: readonly number[];
      readonly axis: Triple;
      readonly degrees: number;
      readonly about: Triple;
    }
  | { readonly do: "scale"; readonly objects: readonly number[]; readonly factor: number; readonly about: Triple }
  | { readonly do: "recolour"; readonly objects: readonly number[]; readonly colour: Triple }
  | { readonly do: "rename"; readonly objects: readonly number[]; readonly name: string }
  | { readonly do: "crop"; readonly lowest: Triple; readonly highest: Triple };

/** The objects that an operation is about; none for a crop. */
export function objectsOf(edit: Edit): readonly number[] {
  return edit.do === "crop" ? [] : edit.objects;
}

/**
 * The operations of a file, in order; none where it has no such section.
 *
 * @param objects How many objects the file lists.
 * @throws FormatError They were cut off, are damaged, or were made for another scene.
 */
export function editsOf(container: Container, objects: () => number): readonly Edit[] {
  if (container.missing.some(({ kind }) => kind === "EDIT")) {
    throw new FormatError(
      "the scene was edited, and the file is cut before its edits: what is left is not what was meant to be seen. " +
        "Fetch it again, or decode the unedited scene with {edits: false}",
    );
  }
  if (container.ofKind("EDIT").length === 0) return [];
  const { scene, edits } = readEdits(container.content("EDIT").bytes);
  const bound = bindingOf(container);
  if (scene.some((byte, i) => byte !== bound[i])) {
    throw new FormatError("EDIT: these edits were made for another scene; decode the unedited one with {edits: false}");
  }
  const highest = edits.reduce((most, edit) => Math.max(most, ...objectsOf(edit)), 0);
  if (highest > 0 && highest > objects()) {
    throw new FormatError(`EDIT: object ${highest} is edited; the file has fewer`);
  }
  return edits;
}

/** What names the scene of a file: the same as long as it decodes to the same. */
export function bindingOf(container: Container): Uint8Array {
  const bound = [...container.entries, ...container.missing].filter(
    ({ kind, critical }) => (critical || BOUND_KINDS.includes(kind)) && !FREE_KINDS.includes(kind),
  );
  bound.sort((a, b) => (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : a.chunk - b.chunk));
  const sha = new Sha256();
  for (const { kind, chunk, decodedCrc } of bound) {
    const record = new DataView(new ArrayBuffer(12));
    [...kind].forEach((letter, i) => record.setUint8(i, letter.charCodeAt(0)));
    record.setUint32(4, chunk, true);
    record.setUint32(8, decodedCrc, true);
    sha.update(new Uint8Array(record.buffer));
  }
  return sha.digest().subarray(0, BINDING_BYTES);
}

/** Read a content: what names its scene, and the operations. */
export function readEdits(bytes: Uint8Array): { scene: Uint8Array; edits: Edit[] } {
  const reader = new ByteReader(bytes, "EDIT");
  const scene = reader.take(BINDING_BYTES);
  const count = checkRange(reader.u16(), 1, MOST_EDITS, "EDIT, operations");
  const edits = reader.many(count, function () {
    return readEdit(this);
  });
  reader.end();
  return { scene, edits };
}

function readEdit(reader: ByteReader): Edit {
  const code = reader.u8();
  if (code < 1 || code > CROP) {
    throw new UnsupportedVersion(`EDIT: operation ${code} is unknown, expected 1 to ${CROP}; a newer reader is needed`);
  }
  const objects = reader.many(reader.u16(), reader.u16);
  const ascending = objects.every((number, i) => number > (i > 0 ? objects[i - 1]! : 0));
  if (!ascending || objects.length > 0 !== (code !== CROP)) {
    throw new FormatError("EDIT: expected objects in ascending order, none for a crop; the file is damaged");
  }
  if (code === RENAME) return { do: "rename", objects, name: decodeText(reader.take(reader.u8()), "EDIT") };
  const numbers = reader.many(NUMBERS[code]!, reader.f64);
  if (!numbers.every((number) => Math.abs(number) <= LARGEST)) {
    throw new FormatError(`EDIT: numbers must be finite and at most ${LARGEST}; the file is damaged`);
  }
  const edit = editOf(code, objects, numbers);
  const fault = faultOf(edit);
  if (fault) throw new FormatError(`EDIT: ${fault}; the file is damaged`);
  return edit;
}

function editOf(code: number, objects: readonly number[], numbers: readonly number[]): Edit {
  const triple = (start: number): Triple => [numbers[start]!, numbers[start + 1]!, numbers[start + 2]!];
  switch (code) {
    case 1:
      return { do: "remove", objects };
    case 2:
      return { do: "keep", objects };
    case 3:
      return { do: "move", objects, shift: triple(0) };
    case 4:
      return { do: "rotate", objects, axis: triple(0), degrees: numbers[3]!, about: triple(4) };
    case 5:
      return { do: "scale", objects, factor: numbers[0]!, about: triple(1) };
    case 6:
      return { do: "recolour", objects, colour: triple(0) };
    default:
      return { do: "crop", lowest: triple(0), highest: triple(3) };
  }
}

/** Why no file holds an operation; empty where one does. */
function faultOf(edit: Edit): string {
  switch (edit.do) {
    case "rotate":
      return edit.axis.every((part) => Math.abs(part) < SHORTEST_AXIS) ? "an axis of no length" : "";
    case "scale":
      return edit.factor < 1e-6 || edit.factor > 1e6 ? "a factor out of 1e-6..1e6" : "";
    case "recolour":
      return edit.colour.some((part) => part < 0 || part > 1) ? "a colour out of 0..1" : "";
    case "crop":
      return edit.lowest.some((low, axis) => low >= edit.highest[axis]!) ? "a box without inside" : "";
    default:
      return "";
  }
}
