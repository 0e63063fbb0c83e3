// Offset masks of FORMAT.md, section 6.

import { close, open, overrun } from "./binary_coder";
import { clearCells, clearWeights, mixed, mixedBit } from "./mixing";
import { BAD_END } from "./status";

const CONTEXTS: u32 = 6;
const LIMIT: u32 = 1000;
const FIRST_WEIGHT: i32 = 13107;
const MOST_SLOTS: u32 = 32;

/** Bytes of memory that `masks` works in. */
export function masksWork(): u32 {
  return CONTEXTS * 65536 * 4 + MOST_SLOTS * (CONTEXTS * 4 + 1);
}

/** Decode `anchors` x `slots` bits, a byte each. */
export function masks(stream: usize, length: u32, anchors: u32, slots: u32, work: usize, out: usize): i32 {
  open(stream, length);
  const weights = work + CONTEXTS * 65536 * 4;
  const histories = weights + MOST_SLOTS * CONTEXTS * 4;
  clearCells(work, CONTEXTS * 65536);
  clearWeights(weights, MOST_SLOTS * CONTEXTS, FIRST_WEIGHT);
  memory.fill(histories, 0, MOST_SLOTS);
  let last: u64 = 1 << <u64>slots;
  for (let i: u32 = 0; i < anchors; i++) {
    let bits: u64 = 1;
    for (let k: u32 = 0; k < slots; k++) {
      const history = <u32>load<u8>(histories + k);
      const ones = <u32>popcnt<u64>(bits) - 1;
      const same: u32 = bits == last >> <u64>(slots - k) ? 1 : 0;
      const near = <u32>(last >> <u64>max<i32>(0, <i32>slots - <i32>k - 2)) & 7;
      const before = <u32>bits & 7;
      pick(work, 0, <u32>bits);
      pick(work, 1, ((history & 15) << 5) + k);
      pick(work, 2, (ones << 5) + k);
      pick(work, 3, (((before << 4) + (near << 1) + ((history >> 1) & 1)) << 5) + k);
      pick(work, 4, (<u32>popcnt<u32>(history) << 5) + k);
      pick(work, 5, ((<u32>last & 1023) << 6) + (same << 5) + k);
      const bit = mixedBit(weights + k * CONTEXTS * 4, CONTEXTS, LIMIT);
      store<u8>(histories + k, <u8>((history << 1) | bit));
      store<u8>(out + <usize>i * slots + k, <u8>bit);
      bits = (bits << 1) | bit;
    }
    last = bits;
    if (overrun()) return BAD_END;
  }
  return close();
}

/** Context `j` with a value takes a cell of its own table of 2^16. */
// @ts-ignore: decorator
@inline
function pick(cells: usize, j: u32, value: u32): void {
  const index = (value ^ ((value >> 16) * 40503)) & 65535;
  store<u32>(mixed + (j << 2), <u32>(cells + (<usize>((j << 16) | index) << 2)));
}
