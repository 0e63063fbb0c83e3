// The numbers of lattices, FORMAT.md, section 8.4.

import { close, open, overrun } from "./binary_coder";
import { clearCells, clearWeights, mixed, mixedBit } from "./mixing";
import { BAD_END, OK } from "./status";

const CONTEXTS: u32 = 4;
const LIMIT: u32 = 250;
const FIRST_WEIGHT: i32 = 21845;
const KINDS: u32 = 17;
const TABLE: u32 = 65536;

/** Bytes of memory that `latticeNumbers` works in. */
export function latticeWork(): u32 {
  return CONTEXTS * TABLE * 4 + KINDS * CONTEXTS * 4;
}

let cells: usize = 0;
let weights: usize = 0;

/** Begin with the stream of a lattice; `work` is memory of `latticeWork()` bytes, until its last grid is read. */
export function openLattice(stream: usize, length: u32, work: usize): void {
  open(stream, length);
  cells = work;
  weights = work + CONTEXTS * TABLE * 4;
  clearCells(cells, CONTEXTS * TABLE);
  clearWeights(weights, KINDS * CONTEXTS, FIRST_WEIGHT);
}

/** After the last grid: whether the stream ended there. */
export function closeLattice(): i32 {
  return close();
}

/**
 * The next grid.
 *
 * @param grid Its number in the lattice.
 * @param width Of section 8.4: the smaller of resolution and rows.
 * @param largest Magnitude of the numbers: 31, or 1 for those that are -1 or 1.
 * @param out Rows of `channels` numbers (i8).
 */
export function readGrid(grid: u32, rows: u32, width: u32, channels: u32, largest: u32, out: usize): i32 {
  for (let c: u32 = 0; c < channels; c++) {
    const start = ((grid << 7) + c) * 17;
    for (let r: u32 = 0; r < rows; r++) {
      const at = out + <usize>r * channels + c;
      const first = r % width == 0;
      const left = first ? 0 : <i32>load<i8>(at - channels);
      const up = r < width ? 0 : <i32>load<i8>(at - <usize>width * channels);
      const corner = first || r < width ? 0 : <i32>load<i8>(at - <usize>(width + 1) * channels);
      const below = c == 0 ? 0 : <i32>load<i8>(at - 1);
      store<i8>(at, <i8>readNumber(start, c, left, up, corner, below, largest));
    }
    if (overrun()) return BAD_END;
  }
  return OK;
}

function readNumber(start: u32, c: u32, left: i32, up: i32, corner: i32, below: i32, largest: u32): i32 {
  const low = limited(below, 3) + 3;
  const wide = min(7, abs(left));
  let size: u32 = 1;
  if (largest > 1) {
    const around = (min(3, abs(left)) << 4) + (min(3, abs(up)) << 2) + min(3, abs(corner));
    const sum = min(7, abs(left) + abs(up));
    size = 0;
    for (let j: u32 = 0; j < largest; j++) {
      const q = 1 + min<u32>(j, 15);
      pick(0, start + q);
      pick(1, (q << 6) + around);
      pick(2, ((17 * c + q) << 3) + sum);
      pick(3, (((q << 3) + low) << 3) + wide);
      if (!mixedBit(weights + q * CONTEXTS * 4, CONTEXTS, LIMIT)) break;
      size++;
    }
    if (size == 0) return 0;
  }
  pick(0, start);
  pick(1, 9 * (limited(left, 1) + 1) + 3 * (limited(up, 1) + 1) + limited(corner, 1) + 1);
  pick(2, 136 * c + limited(left, 1) + limited(up, 1) + 2);
  pick(3, (low << 3) + wide);
  return mixedBit(weights, CONTEXTS, LIMIT) ? -<i32>size : <i32>size;
}

// @ts-ignore: decorator
@inline
function limited(value: i32, bound: i32): i32 {
  return max(-bound, min(bound, value));
}

// @ts-ignore: decorator
@inline
function pick(j: u32, value: u32): void {
  store<u32>(mixed + (j << 2), <u32>(cells + (<usize>((j << 16) | (value & 65535)) << 2)));
}
