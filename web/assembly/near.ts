// Waves, neighbours and what is seen of them: FORMAT.md, section 8.5.

import { sortKeys } from "./points";

/** Largest cell of an axis: coordinates of a chunk differ by less than 2^21. */
const LAST_CELL: i64 = (1 << 21) - 1;

/** The wave (u8) of each voxel. */
export function waves(voxels: usize, count: u32, most: u32, out: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const at = voxels + <usize>i * 12;
    const s = <i64>load<i32>(at) + 5 * <i64>load<i32>(at, 4) + 11 * <i64>load<i32>(at, 8);
    store<u8>(out + i, <u8>(most - 1 - min<u32>(most - 1, <u32>ctz<u64>(s))));
  }
}

/** Bytes of memory that `findNear` works in. */
export function nearWork(count: u32): u32 {
  return count * 24;
}

/**
 * The neighbours of all anchors.
 *
 * @param wave Of each anchor (u8).
 * @param most, reach The most neighbours, and how far they are on an axis.
 * @param rows, weights `most` i32 each of every anchor: places of its neighbours, the nearest first, and -1 and 0
 *     behind them. Weights hold the squared distance while the search runs.
 * @param facts The two further facts (i32) of every anchor.
 */
export function findNear(
  voxels: usize, count: u32, wave: usize, most: u32, reach: i32, work: usize, rows: usize, weights: usize, facts: usize,
): void {
  const keys = work;
  const places = keys + <usize>count * 16;
  memory.fill(rows, 255, <usize>count * most * 4);
  memory.fill(weights, 0, <usize>count * most * 4);
  const least = memory.data(12, 8);
  leastOf(voxels, count, least);
  for (let i: u32 = 0; i < count; i++) {
    store<i64>(keys + (<usize>i << 3), keyOf(voxels + <usize>i * 12, least, reach + 1));
    store<u32>(places + (<usize>i << 2), i);
  }
  sortKeys(keys, places, keys + <usize>count * 8, places + <usize>count * 4, count);
  for (let i: u32 = 0; i < count; i++) {
    const own = keyOf(voxels + <usize>i * 12, least, reach + 1);
    const into = rows + <usize>i * most * 4;
    const distances = weights + <usize>i * most * 4;
    let many: u32 = 0;
    for (let side = 0; side < 9; side++) {
      const x = (own >> 42) + side / 3 - 1;
      const y = ((own >> 21) & LAST_CELL) + (side % 3) - 1;
      if (x < 0 || y < 0 || x > LAST_CELL || y > LAST_CELL) continue;
      const line = (x << 42) | (y << 21);
      const z = own & LAST_CELL;
      const last = line | min<i64>(LAST_CELL, z + 1);
      for (let k = firstFrom(keys, count, line | max<i64>(0, z - 1)); k < count; k++) {
        if (load<i64>(keys + (<usize>k << 3)) > last) break;
        const other = load<u32>(places + (<usize>k << 2));
        if (load<u8>(wave + other) >= load<u8>(wave + i)) continue;
        const d = squareDistance(voxels + <usize>i * 12, voxels + <usize>other * 12, reach);
        if (d >= 0) many = keepNearest(into, distances, many, most, other, d);
      }
    }
    store<i32>(facts + (<usize>i << 3), (511 * many) / most);
    store<i32>(facts + (<usize>i << 3), many ? 2044 / (4 + load<i32>(distances)) : 0, 4);
    for (let j: u32 = 0; j < many; j++) {
      store<i32>(distances + (j << 2), 65536 / (1 + load<i32>(distances + (j << 2))));
    }
  }
}

function leastOf(voxels: usize, count: u32, least: usize): void {
  for (let axis: usize = 0; axis < 3; axis++) {
    let value = i32.MAX_VALUE;
    for (let i: u32 = 0; i < count; i++) value = min(value, load<i32>(voxels + <usize>i * 12 + (axis << 2)));
    store<i32>(least + (axis << 2), value);
  }
}

/** The cell of a voxel, x highest. */
function keyOf(voxel: usize, least: usize, edge: i32): i64 {
  const x = <i64>((load<i32>(voxel) - load<i32>(least)) / edge);
  const y = <i64>((load<i32>(voxel, 4) - load<i32>(least, 4)) / edge);
  const z = <i64>((load<i32>(voxel, 8) - load<i32>(least, 8)) / edge);
  return (x << 42) | (y << 21) | z;
}

/** The first of the sorted keys that is not below `key`. */
function firstFrom(keys: usize, count: u32, key: i64): u32 {
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load<i64>(keys + (<usize>middle << 3)) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Sum of squared differences, or -1 where an axis differs by more than `reach`. */
function squareDistance(a: usize, b: usize, reach: i32): i32 {
  let sum = 0;
  for (let axis: usize = 0; axis < 12; axis += 4) {
    const difference = load<i32>(a + axis) - load<i32>(b + axis);
    if (abs(difference) > reach) return -1;
    sum += difference * difference;
  }
  return sum;
}

/** Put a neighbour where it belongs by distance, then place; the farthest falls out. How many there are then. */
function keepNearest(rows: usize, distances: usize, many: u32, most: u32, row: u32, d: i32): u32 {
  let j = many;
  while (j > 0) {
    const other = load<i32>(distances + ((j - 1) << 2));
    if (other < d || (other == d && load<u32>(rows + ((j - 1) << 2)) < row)) break;
    if (j < most) {
      store<i32>(distances + (j << 2), other);
      store<u32>(rows + (j << 2), load<u32>(rows + ((j - 1) << 2)));
    }
    j--;
  }
  if (j == most) return many;
  store<i32>(distances + (j << 2), d);
  store<u32>(rows + (j << 2), row);
  return min(many + 1, most);
}

/**
 * What `count` anchors see of `width` channels.
 *
 * @param chosen Places (u32) of the anchors.
 * @param known Requantised values (i16), rows of `knownStride`, the channels from number `knownPlace` on.
 * @param out Inputs (i16) of a network, rows of `stride`, from number `place` on.
 */
export function seen(
  chosen: usize, count: u32, most: u32, rows: usize, weights: usize, known: usize, knownStride: u32, knownPlace: u32,
  width: u32, out: usize, stride: u32, place: u32,
): void {
  for (let i: u32 = 0; i < count; i++) {
    const own = <usize>load<u32>(chosen + (<usize>i << 2)) * most * 4;
    const into = out + ((<usize>i * stride + place) << 1);
    for (let c: u32 = 0; c < width; c++) {
      let sum: i64 = 0;
      let total: i64 = 0;
      for (let j: u32 = 0; j < most; j++) {
        const row = load<i32>(rows + own + (j << 2));
        if (row < 0) break;
        const weight = <i64>load<i32>(weights + own + (j << 2));
        sum += weight * <i64>load<i16>(known + ((<usize>row * knownStride + knownPlace + c) << 1));
        total += weight;
      }
      store<i16>(into + (c << 1), total ? <i16>floorDivided(sum, total) : 0);
    }
  }
}

// @ts-ignore: decorator
@inline
function floorDivided(a: i64, b: i64): i64 {
  const quotient = a / b;
  return a < 0 && quotient * b != a ? quotient - 1 : quotient;
}
