// Rows of Gaussians: FORMAT.md, section 16.2.

import { close, open, overrun } from "./binary_coder";
import { bitOf, clearCells, clearWeights, mixed, mixedBit } from "./mixing";
import { BAD_END, TOO_LARGE } from "./status";

const CONTEXTS: u32 = 6;
const LIMIT: u32 = 255;
const FIRST_WEIGHT: i32 = 19660;
const QUESTIONS: u32 = 44;
const WEIGHT_ROWS: u32 = 11;
const MOST_BITS: u32 = 20;
const WINDOW: u32 = 64;
const MOST_NEAR: u32 = 4;
const OPACITY: u32 = 6;

// Values of a context: where those of each begin among the cells of a question.
const BY_NEAR: u32 = 1;
const BY_GROUP: u32 = BY_NEAR + 64;
const BY_LAST: u32 = BY_GROUP + 64;
const BY_SHAPE: u32 = BY_LAST + 81;
const BY_ABOVE: u32 = BY_SHAPE + 256;
const VALUES: u32 = BY_ABOVE + 81;

/** Cells of lower bits of a channel: L, p, and the bit before. */
const LOWER: u32 = 22 * 22 * 2;

/** Bytes of memory that `gaussianRows` works in. */
export function gaussianRowsWork(count: u32, channels: u32): u32 {
  return channels * (QUESTIONS * VALUES + LOWER + WEIGHT_ROWS * CONTEXTS) * 4 + count * channels * 4;
}

const near: usize = memory.data(4 * 4, 16);
const nearDistances: usize = memory.data(4 * 4, 16);
let nearCount: u32 = 0;

/** Contexts of a channel, where their cells begin in a question. */
const contexts: usize = memory.data(6 * 4, 16);

let cells: usize = 0;
let lower: usize = 0;
let weights: usize = 0;
let differences: usize = 0;
let width: u32 = 0;

/** Decode `count` rows of `channels` values (i32) at the voxels of a chunk. */
export function gaussianRows(
  stream: usize, length: u32, voxels: usize, count: u32, channels: u32, work: usize, values: usize,
): i32 {
  open(stream, length);
  width = channels;
  cells = work;
  lower = cells + channels * QUESTIONS * VALUES * 4;
  weights = lower + channels * LOWER * 4;
  differences = weights + channels * WEIGHT_ROWS * CONTEXTS * 4;
  clearCells(cells, channels * (QUESTIONS * VALUES + LOWER));
  clearWeights(weights, channels * WEIGHT_ROWS * CONTEXTS, FIRST_WEIGHT);
  for (let i: u32 = 0; i < count; i++) {
    findNearRows(voxels, i);
    for (let c: u32 = 0; c < channels; c++) {
      setContexts(values, i, c);
      const d = readDifference(c);
      store<i32>(differences + ((i * channels + c) << 2), d);
      const value = expected(values, c) + d;
      if (abs(value) > 0xfffff) return TOO_LARGE;
      store<i32>(values + ((<usize>i * channels + c) << 2), value);
    }
    if (overrun()) return BAD_END;
  }
  return close();
}

/** Near rows of row `i`: by distance, equal ones the later first. */
function findNearRows(voxels: usize, i: u32): void {
  nearCount = 0;
  const own = voxels + <usize>i * 12;
  const earliest = i > WINDOW ? i - WINDOW : 0;
  for (let r = i; r > earliest; r--) {
    const other = voxels + <usize>(r - 1) * 12;
    let distance: i64 = 0;
    for (let axis: usize = 0; axis < 12; axis += 4) {
      distance += abs<i64>(<i64>load<i32>(own + axis) - <i64>load<i32>(other + axis));
    }
    let j = nearCount;
    while (j > 0 && <i64>load<u32>(nearDistances + ((j - 1) << 2)) > distance) {
      if (j < MOST_NEAR) {
        store<u32>(nearDistances + (j << 2), load<u32>(nearDistances + ((j - 1) << 2)));
        store<u32>(near + (j << 2), load<u32>(near + ((j - 1) << 2)));
      }
      j--;
    }
    if (j == MOST_NEAR) continue;
    store<u32>(nearDistances + (j << 2), <u32>distance);
    store<u32>(near + (j << 2), r - 1);
    nearCount = min(nearCount + 1, MOST_NEAR);
  }
}

// @ts-ignore: decorator
@inline
function groupStart(c: u32): u32 {
  if (c < 3) return 0;
  if (c < 6) return 3;
  if (c == 6) return 6;
  return c < 10 ? 7 : 10;
}

// @ts-ignore: decorator
@inline
function nearRow(r: u32): u32 {
  return load<u32>(near + (r << 2));
}

// @ts-ignore: decorator
@inline
function difference(row: u32, c: u32): i32 {
  return load<i32>(differences + ((row * width + c) << 2));
}

function expected(values: usize, c: u32): i32 {
  if (nearCount == 0 || (c > 2 && c < OPACITY) || c > 9) return 0;
  const n = <i32>nearCount;
  let sum = 0;
  for (let r: u32 = 0; r < nearCount; r++) sum += load<i32>(values + ((<usize>nearRow(r) * width + c) << 2));
  return (2 * sum + n - modulo(2 * sum + n, 2 * n)) / (2 * n);
}

// @ts-ignore: decorator
@inline
function modulo(a: i32, b: i32): i32 {
  const rest = a % b;
  return rest < 0 ? rest + b : rest;
}

function level(x: u32): u32 {
  if (x < 4) return x;
  const k = 30 - <u32>clz<u32>(x);
  return min<u32>(15, 2 * k + (x >> k));
}

// @ts-ignore: decorator
@inline
function few(x: i32): u32 {
  return <u32>(max(-4, min(4, x)) + 4);
}

function setContexts(values: usize, i: u32, c: u32): void {
  const start = groupStart(c);
  const inGroup = c - start;
  let around: u32 = 0;
  for (let r: u32 = 0; r < nearCount; r++) {
    const size = <u32>abs(difference(nearRow(r), c));
    around += r == 0 ? 2 * size : size;
  }
  let before: u32 = 0;
  for (let j = start; j < c; j++) before += <u32>abs(difference(i, j));
  if (inGroup > 2) before = (before * 4) / inGroup;
  const last = inGroup > 0 ? difference(i, c - 1) : 0;
  const second = inGroup > 1 ? difference(i, c - 2) : 0;
  const third = inGroup > 2 ? difference(i, c - 3) : 0;
  const above = nearCount ? difference(nearRow(0), c) : 0;
  put(0, 0);
  put(1, BY_NEAR + 4 * level(around) + min<u32>(3, nearCount));
  put(2, BY_GROUP + level(before) + 16 * min<u32>(3, inGroup));
  put(3, BY_LAST + 9 * few(last) + few(second));
  put(4, BY_SHAPE + 16 * shapeOf(values, i, c) + opacityOf(values, i, c));
  put(5, BY_ABOVE + 9 * few(third) + few(above));
}

// @ts-ignore: decorator
@inline
function put(j: u32, value: u32): void {
  store<u32>(contexts + (j << 2), value);
}

function shapeOf(values: usize, i: u32, c: u32): u32 {
  if (c < 2) return 0;
  const row = values + <usize>i * width * 4;
  if (c == 2) return level(<u32>abs(load<i32>(row) - load<i32>(row, 4)));
  return level(<u32>abs(load<i32>(row) - load<i32>(row, 8)) >> 1);
}

function opacityOf(values: usize, i: u32, c: u32): u32 {
  if (c <= OPACITY) return 0;
  return <u32>max(0, min(15, load<i32>(values + ((<usize>i * width + OPACITY) << 2)) >> 3));
}

/** One bit of a question about channel `c`. */
function ask(c: u32, question: u32, row: u32): u32 {
  const base = cells + (<usize>((c * QUESTIONS + question) * VALUES) << 2);
  for (let j: u32 = 0; j < CONTEXTS; j++) {
    store<u32>(mixed + (j << 2), <u32>(base + (load<u32>(contexts + (j << 2)) << 2)));
  }
  return mixedBit(weights + (c * WEIGHT_ROWS + row) * CONTEXTS * 4, CONTEXTS, LIMIT);
}

function readDifference(c: u32): i32 {
  if (!ask(c, 0, 0)) return 0;
  const negative = ask(c, 1, 1);
  let bits: u32 = 1;
  while (bits <= MOST_BITS && ask(c, 1 + bits, min<u32>(1 + bits, 9))) bits++;
  let size: u32 = 1;
  if (bits > 1) {
    const upper = ask(c, 22 + bits, 10);
    size = 2 | upper;
    for (let p = <i32>bits - 3; p >= 0; p--) {
      const known: u32 = p == <i32>bits - 3 ? upper : 0;
      const index = ((c * 22 + bits) * 22 + <u32>p) * 2 + known;
      size = (size << 1) | bitOf(lower + (<usize>index << 2), LIMIT);
    }
  }
  return negative ? -<i32>size : <i32>size;
}
