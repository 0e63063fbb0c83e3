// Adaptive bits of FORMAT.md, section 4: cells, squash and stretch, and the mixing of several cells.
//
// A cell is one u32: its probability in the upper 20 bits, its count in the lower 12.

import { readBit } from "./binary_coder";

const FRESH: u32 = 1 << 31;
const COUNTS = 1 << 12;
const LARGEST_Z: i32 = 2047;
const LARGEST_WEIGHT: i32 = 1 << 20;

const squashed: usize = memory.data(4096 * 2, 16);
const stretched: usize = memory.data(4096 * 2, 16);
const rates: usize = memory.data(COUNTS * 2, 16);

/** Cells that the next bit is mixed from. */
export const mixed: usize = memory.data(8 * 4, 16);
const stretches: usize = memory.data(8 * 4, 16);

/** Fill the tables; once, before anything else. */
export function fillTables(): void {
  let e: u64 = 1 << 60;
  for (let z = 0; z <= LARGEST_Z; z++) {
    const p = <u32>min<u64>(quotient((1 << 60) + e), 65535);
    store<u16>(squashed + ((LARGEST_Z + z) << 1), <u16>p);
    if (z > 0) store<u16>(squashed + ((LARGEST_Z - z) << 1), <u16>(65536 - p));
    e = product60(e, 1148426689630428643);
  }
  let z = -LARGEST_Z;
  for (let i = 0; i < 4096; i++) {
    while (z < LARGEST_Z && squash(z + 1) <= <u32>(16 * i + 8)) z++;
    store<i16>(stretched + (i << 1), <i16>z);
  }
  for (let n = 0; n < COUNTS; n++) store<u16>(rates + (n << 1), <u16>(131072 / (2 * n + 3)));
}

/** Where squash(-2047) .. squash(2047) lie, as u16, for tests. */
export function squashTable(): usize {
  return squashed;
}

/** Where stretch(0) .. stretch(4095) lie, as i16, for tests. */
export function stretchTable(): usize {
  return stretched;
}

/** `(a * b) >> 60` of two numbers below 2^61. */
function product60(a: u64, b: u64): u64 {
  const low30: u64 = (1 << 30) - 1;
  const a1 = a >> 30;
  const a0 = a & low30;
  const b1 = b >> 30;
  const b0 = b & low30;
  return a1 * b1 + ((a1 * b0 + a0 * b1 + ((a0 * b0) >> 30)) >> 30);
}

/** `2^76 // divisor`, of a divisor from 2^60 to 2^61, by hand. */
function quotient(divisor: u64): u64 {
  let rest: u64 = 1 << 60;
  let result: u64 = 0;
  for (let i = 0; i <= 16; i++) {
    result <<= 1;
    if (rest >= divisor) {
      rest -= divisor;
      result |= 1;
    }
    rest <<= 1;
  }
  return result;
}

// @ts-ignore: decorator
@inline
function squash(z: i32): u32 {
  return <u32>load<u16>(squashed + ((z + LARGEST_Z) << 1));
}

/** Make `count` fresh cells. */
export function clearCells(cells: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) store<u32>(cells + (i << 2), FRESH);
}

/** Make `count` weights that begin at `value`. */
export function clearWeights(weights: usize, count: u32, value: i32): void {
  for (let i: u32 = 0; i < count; i++) store<i32>(weights + (i << 2), value);
}

// @ts-ignore: decorator
@inline
function move(cell: usize, bit: u32, limit: u32): void {
  const packed = load<u32>(cell);
  const probability = <i32>(packed >> 12);
  const count = packed & 4095;
  const target: i32 = bit ? 0xfffff : 0;
  const step = <i32>((<i64>(target - probability) * <i64>load<u16>(rates + (count << 1))) >> 16);
  store<u32>(cell, (<u32>(probability + step) << 12) | min(count + 1, limit));
}

/** A bit that one cell alone predicts. */
export function bitOf(cell: usize, limit: u32): u32 {
  const bit = readBit(max<u32>(1, load<u32>(cell) >> 16));
  move(cell, bit, limit);
  return bit;
}

/** A bit that the first `count` of `mixed` predict, weighed by the row at `weights`. */
export function mixedBit(weights: usize, count: u32, limit: u32): u32 {
  let sum: i64 = 0;
  for (let j: u32 = 0; j < count; j++) {
    const cell = <usize>load<u32>(mixed + (j << 2));
    const x = <i32>load<i16>(stretched + ((load<u32>(cell) >> 20) << 1));
    store<i32>(stretches + (j << 2), x);
    sum += <i64>load<i32>(weights + (j << 2)) * <i64>x;
  }
  const p = squash(<i32>max<i64>(-LARGEST_Z, min<i64>(LARGEST_Z, sum >> 16)));
  const bit = readBit(p);
  const error = <i32>(bit << 16) - <i32>p;
  for (let j: u32 = 0; j < count; j++) {
    const at = weights + (j << 2);
    const moved = load<i32>(at) + ((load<i32>(stretches + (j << 2)) * error + 0x8000) >> 16);
    store<i32>(at, max(-LARGEST_WEIGHT, min(LARGEST_WEIGHT, moved)));
    move(<usize>load<u32>(mixed + (j << 2)), bit, limit);
  }
  return bit;
}
