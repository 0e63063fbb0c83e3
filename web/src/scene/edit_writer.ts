// A file with other edits: FORMAT.md, section 15. No other section changes a byte.

import { ByteWriter } from "../base/byte_writer.js";
import { RequestError } from "../base/errors.js";
import type { Container } from "../container/container.js";
import { SEMANTIC, type Entry } from "../container/kinds.js";
import { rewritten } from "../container/rewrite.js";
import { bindingOf, MOST_EDITS, readEdits, type Edit } from "./edits.js";

const CODES = ["", "remove", "keep", "move", "rotate", "scale", "recolour", "rename", "crop"];

/**
 * The file with these edits in place of its own; with none it is the file of before it was edited.
 *
 * @throws RequestError Edits that no reader takes, or the file is cut.
 * @throws FormatError A body is damaged.
 */
export function withEdits(container: Container, edits: readonly Edit[]): Uint8Array {
  if (container.cut) throw new RequestError("the file is cut after its colours, and edits come last; fetch it again");
  const kept = container.entries.filter(({ kind }) => kind !== "EDIT");
  if (edits.length === 0) return rewritten(container, kept, []);
  const content = writeEdits(bindingOf(container), edits);
  const entry = { kind: "EDIT", critical: true, layer: SEMANTIC, codec: 0 } satisfies Partial<Entry>;
  return rewritten(container, kept, [{ ...entry, content }]);
}

/** The content of EDIT; see `readEdits`. */
export function writeEdits(scene: Uint8Array, edits: readonly Edit[]): Uint8Array {
  if (edits.length > MOST_EDITS) throw new RequestError(`${edits.length} edits; a file holds at most ${MOST_EDITS}`);
  const writer = new ByteWriter();
  writer.bytes(scene);
  writer.u16(edits.length);
  for (const edit of edits) writeEdit(writer, edit);
  const content = writer.taken();
  try {
    readEdits(content); // what no reader takes is no file of ours
  } catch (error) {
    throw new RequestError(error instanceof Error ? error.message : String(error));
  }
  return content;
}

function writeEdit(writer: ByteWriter, edit: Edit): void {
  const objects = edit.do === "crop" ? [] : [...new Set(edit.objects)].sort((a, b) => a - b);
  writer.u8(CODES.indexOf(edit.do));
  writer.u16(objects.length);
  objects.forEach((id) => writer.u16(id));
  if (edit.do === "rename") {
    const name = new TextEncoder().encode(edit.name);
    if (name.length > 255) throw new RequestError("a name has more than 255 bytes; choose a shorter one");
    writer.u8(name.length);
    writer.bytes(name);
    return;
  }
  numbersOf(edit).forEach((number) => writer.f64(number));
}

function numbersOf(edit: Edit): readonly number[] {
  switch (edit.do) {
    case "move":
      return edit.shift;
    case "rotate":
      return [...edit.axis, edit.degrees, ...edit.about];
    case "scale":
      return [edit.factor, ...edit.about];
    case "recolour":
      return edit.colour;
    case "crop":
      return [...edit.lowest, ...edit.highest];
    default:
      return [];
  }
}
