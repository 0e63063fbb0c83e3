// Streams of the binary coder that hold rows: masks, labels and Gaussians.

import { FormatError } from "../base/errors.js";
import { accept, type Kernels } from "../base/kernels.js";

/** No stream of so many bytes holds more mixed bits: each takes at least 4.8e-4 bits. */
export function mostBits(bytes: number): number {
  return 16000 * (bytes + 4);
}

/** Refuse a stream that is too short for so many bits, before memory is taken for them. */
export function checkRoomForBits(length: number, bits: number, where: string): void {
  if (bits > mostBits(length)) {
    throw new FormatError(`${where}: ${bits} bits cannot come from ${length} bytes; the file is damaged`);
  }
}

/** Offset masks, FORMAT.md, section 6; where a byte (0 or 1) of each anchor and slot lies. */
export function decodeMasks(kernels: Kernels, body: Uint8Array, anchors: number, slots: number, where: string): number {
  checkRoomForBits(body.length, anchors * slots, where);
  const masks = kernels.allocate(anchors * slots);
  kernels.scope(() => {
    const stream = kernels.put(body);
    const work = kernels.allocate(kernels.call.masksWork());
    accept(kernels.call.masks(stream, body.length, anchors, slots, work, masks), where);
  });
  return masks;
}

/** Bits side by side, 8 to a byte, the first highest. */
export function packBits(bits: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (let i = 0; i < bits.length; i++) bytes[i >> 3]! |= bits[i]! << (7 - (i & 7));
  return bytes;
}

/** The label stream, FORMAT.md, section 10.2; where the labels (i32) lie, each at most `objects`. */
export function decodeLabels(
  kernels: Kernels,
  stream: Uint8Array,
  anchors: number,
  objects: number,
  where: string,
): number {
  const labels = kernels.zeros(4 * anchors);
  if (objects === 0 || anchors === 0) {
    if (stream.length > 0) throw new FormatError(`${where}: labels although there are none; the file is damaged`);
    return labels;
  }
  kernels.scope(() => {
    const at = kernels.put(stream);
    const work = kernels.allocate(kernels.call.labelsWork());
    accept(kernels.call.labels(at, stream.length, anchors, objects, work, labels), where);
  });
  return labels;
}

/** Rows of Gaussians, FORMAT.md, section 16.2; where their values (i32) lie. */
export function decodeRows(
  kernels: Kernels,
  body: Uint8Array,
  voxels: number,
  count: number,
  channels: number,
  where: string,
): number {
  checkRoomForBits(body.length, count * channels, where);
  const values = kernels.allocate(4 * count * channels);
  kernels.scope(() => {
    const stream = kernels.put(body);
    const work = kernels.allocate(kernels.call.gaussianRowsWork(count, channels) >>> 0);
    accept(kernels.call.gaussianRows(stream, body.length, voxels, count, channels, work, values), where);
  });
  return values;
}
