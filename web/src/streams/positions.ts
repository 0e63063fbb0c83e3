// Position streams: FORMAT.md, section 5.

import { ByteReader } from "../base/byte_reader.js";
import { FormatError } from "../base/errors.js";
import { accept, type Kernels } from "../base/kernels.js";

const ZERO_LEVELS = 1;
const MOST_DEPTH = 21;
const FARTHEST_ORIGIN = 2 ** 30 + 2 ** 21;
/** No tree holds more points for each of its bytes. */
const POINTS_PER_BYTE = 32768;
const HEADER_BYTES = 14;

/** Refuse a stream that is too short for so many points, before memory is taken for them. */
export function checkRoomForPoints(length: number, count: number, where: string): void {
  if (count > Math.max(1, POINTS_PER_BYTE * (length - HEADER_BYTES))) {
    throw new FormatError(`${where}: ${count} points cannot come from ${length} bytes; the file is damaged`);
  }
}

/** Decode `count` points; where they lie (i32 x, y, z). */
export function decodePositions(kernels: Kernels, body: Uint8Array, count: number, where: string): number {
  const reader = new ByteReader(body, where);
  const flags = reader.u8();
  const depth = reader.u8();
  const [x, y, z] = reader.many(3, reader.i32) as [number, number, number];
  if (flags & ~ZERO_LEVELS || depth > MOST_DEPTH) {
    throw new FormatError(
      `${where}: unknown flags ${flags}, or depth ${depth} above ${MOST_DEPTH}; the file is damaged`,
    );
  }
  if (Math.max(Math.abs(x), Math.abs(y), Math.abs(z)) > FARTHEST_ORIGIN) {
    throw new FormatError(`${where}: its origin is too far away; the file is damaged`);
  }
  checkRoomForPoints(body.length, count, where);
  const tree = reader.take(reader.left);
  if (depth === 0 && (count > 1 || tree.length > 0)) {
    throw new FormatError(`${where}: a tree without depth has one point and no bytes; the file is damaged`);
  }
  const points = kernels.allocate(12 * count);
  kernels.scope(() => {
    const keys = kernels.zeros(8 * count);
    const spare = kernels.allocate(8 * count);
    if (depth > 0) {
      kernels.scope(() => {
        const stream = kernels.put(tree);
        const work = kernels.allocate(kernels.call.octreeWork(count) >>> 0);
        const zeros = (flags & ZERO_LEVELS) !== 0;
        accept(kernels.call.octree(stream, tree.length, depth, zeros, count, work, keys), where);
      });
      kernels.call.sortKeys(keys, 0, spare, 0, count);
    }
    kernels.call.pointsOfKeys(keys, count, x, y, z, points);
  });
  return points;
}
