// The values of a chunk from its symbols, of colour and of semantics alike: FORMAT.md, section 9.

import { FormatError, UnsupportedVersion } from "../base/errors.js";
import { accept, type Kernels } from "../base/kernels.js";
import { nameOf, type Entry } from "../container/kinds.js";
import type { EntropyModel } from "../networks/channel_model.js";
import { Coding } from "../networks/coding.js";
import type { ChannelLayout } from "../networks/layout.js";

const RANS = 0;
const TORCHAC = 1;
const MOST_ANSWERED = 256;

/** Refuse symbols that are coded in a way that this reader does not read. */
export function checkCoder(entry: Entry): void {
  if (entry.codec === TORCHAC) {
    throw new UnsupportedVersion(
      `${nameOf(entry)}: its symbols are coded by torchac (coder 1), for cross-checks between coders; this reader has ` +
        "none of it. Write the file with coder 0, the default",
    );
  }
  if (entry.codec !== RANS) {
    throw new UnsupportedVersion(`${nameOf(entry)}: codec ${entry.codec} is unknown; a newer reader is needed`);
  }
}

/** Refuse a section of another codec than the only one that its kind has. */
export function checkCodec(entry: Entry): void {
  if (entry.codec !== 0) {
    throw new UnsupportedVersion(`${nameOf(entry)}: codec ${entry.codec} is unknown; a newer reader is needed`);
  }
}

/** What the values of a chunk are decoded from. */
export interface CodedValues {
  readonly entry: Entry;
  readonly stream: Uint8Array;
  /** Where the voxels (i32) lie. */
  readonly voxels: number;
  readonly anchors: number;
  /** Where a byte for each channel of each anchor lies: 1 where it is coded. */
  readonly coded: number;
}

/** Refuse a device whose networks do not give the known answer for the first anchors of a chunk of `anchors`. */
export function compareAnswer(
  kernels: Kernels,
  model: EntropyModel,
  layout: ChannelLayout,
  entry: Entry,
  voxels: number,
  anchors: number,
): void {
  kernels.scope(() => {
    const coding = new Coding(kernels, layout, Math.min(MOST_ANSWERED, anchors), 0);
    model.compareAnswer(coding, voxels, entry.knownAnswerCrc, nameOf(entry));
  });
}

/** Decode all values; they lie in the memory of the kernels until the scope ends. */
export function decodeValues(kernels: Kernels, model: EntropyModel, layout: ChannelLayout, what: CodedValues): Coding {
  const { entry, stream, voxels, anchors, coded } = what;
  const where = nameOf(entry);
  const flags = kernels.u8(coded, anchors * layout.channels);
  let symbols = 0;
  for (let i = 0; i < flags.length; i++) symbols += flags[i]!;
  if (symbols !== entry.symbols) {
    throw new FormatError(
      `${where}: promises ${entry.symbols} symbols, its anchors have ${symbols}; the file is damaged`,
    );
  }
  if ((symbols === 0) !== (stream.length === 0)) {
    throw new FormatError(`${where}: ${stream.length} bytes for ${symbols} symbols; the file is damaged`);
  }
  const coding = new Coding(kernels, layout, anchors, coded);
  kernels.scope(() => {
    const at = kernels.put(stream);
    accept(kernels.call.openSymbols(at, stream.length), where);
    model.read(coding, voxels, where);
    accept(kernels.call.closeSymbols(), where);
  });
  return coding;
}
