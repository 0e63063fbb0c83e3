// From what networks say of a chunk, and its symbols, to values: FORMAT.md, section 9.3.

import { beginSymbols, readSymbol, symbolsFailure } from "./rans";

const LARGEST_STEP: i32 = 256;
const LARGEST_TABLE: i64 = 87;

/** A chunk in work, as src/networks/coding.ts lays it out: a `record`. All arrays have a row for each anchor. */
@unmanaged
class Coding {
  channels: u32;
  steps: u32;
  /** i64 of each channel. */
  means: usize;
  logScales: usize;
  values: usize;
  /** Place in the tables of section 14 (i32) of each raw step. */
  raw: usize;
  /** 1 (u8) where a channel is coded. */
  coded: usize;
  /** The tables of section 14 (i32). */
  stepTable: usize;
  logStepTable: usize;
}

// @ts-ignore: decorator
@inline
function rowAt(rows: usize, i: u32): usize {
  return rows ? <usize>load<u32>(rows + (<usize>i << 2)) : <usize>i;
}

/** Take the outputs (i32) of a hyperprior for `count` anchors from `first` on. */
export function takePrior(record: usize, outputs: usize, first: u32, count: u32): void {
  const coding = changetype<Coding>(record);
  const channels = coding.channels;
  const steps = coding.steps;
  const width = 2 * channels + steps;
  for (let i: u32 = 0; i < count; i++) {
    const from = outputs + <usize>i * width * 4;
    const row = <usize>(first + i);
    for (let c: u32 = 0; c < channels; c++) {
      store<i64>(coding.means + ((row * channels + c) << 3), load<i32>(from + (c << 2)));
      store<i64>(coding.logScales + ((row * channels + c) << 3), load<i32>(from + ((channels + c) << 2)));
    }
    for (let s: u32 = 0; s < steps; s++) {
      const raw = max(-LARGEST_STEP, min(LARGEST_STEP, load<i32>(from + ((2 * channels + s) << 2))));
      store<i32>(coding.raw + ((row * steps + s) << 2), raw + LARGEST_STEP);
    }
  }
}

/** Add `width` means and as many log scales (i32) of a network to channels `first` on of `count` rows; 0: all rows. */
export function addPrior(record: usize, outputs: usize, rows: usize, count: u32, first: u32, width: u32): void {
  const coding = changetype<Coding>(record);
  for (let i: u32 = 0; i < count; i++) {
    const from = outputs + <usize>i * width * 8;
    const at = (rowAt(rows, i) * coding.channels + first) << 3;
    for (let c: u32 = 0; c < width; c++) {
      const mean = coding.means + at + (c << 3);
      const scale = coding.logScales + at + (c << 3);
      store<i64>(mean, load<i64>(mean) + load<i32>(from + (c << 2)));
      store<i64>(scale, load<i64>(scale) + load<i32>(from + ((width + c) << 2)));
    }
  }
}

/** What the known answer is about, of the first `count` anchors; `facts` are two more numbers (i32) of each, or 0. */
export function knownAnswer(record: usize, count: u32, facts: usize, out: usize): void {
  const coding = changetype<Coding>(record);
  const channels = coding.channels;
  for (let i: u32 = 0; i < count; i++) {
    memory.copy(out, coding.means + <usize>i * channels * 8, channels * 8);
    out += channels * 8;
    memory.copy(out, coding.logScales + <usize>i * channels * 8, channels * 8);
    out += channels * 8;
    for (let s: u32 = 0; s < coding.steps; s++) {
      const raw = load<i32>(coding.raw + ((<usize>i * coding.steps + s) << 2));
      store<i64>(out, load<i32>(coding.stepTable + (raw << 2)));
      out += 8;
    }
    if (facts) {
      store<i64>(out, load<i32>(facts + (<usize>i << 3)));
      store<i64>(out, load<i32>(facts + (<usize>i << 3), 4), 8);
      out += 16;
    }
  }
}

/**
 * Read the symbols of channels `first` .. `first + width - 1` of `count` rows, anchor by anchor.
 *
 * @param step Which of the steps is theirs.
 * @param family First table: 0 of the Gaussian ones, 88 of the Laplacian.
 */
export function readGroup(
  record: usize, rows: usize, count: u32, first: u32, width: u32, step: u32, family: u32,
): i32 {
  const coding = changetype<Coding>(record);
  beginSymbols();
  const channels = coding.channels;
  for (let i: u32 = 0; i < count; i++) {
    const row = rowAt(rows, i);
    const raw = load<i32>(coding.raw + ((row * coding.steps + step) << 2));
    const size = <i64>load<i32>(coding.stepTable + (raw << 2));
    const log = <i64>load<i32>(coding.logStepTable + (raw << 2));
    for (let c: u32 = first; c < first + width; c++) {
      const at = row * channels + c;
      if (!load<u8>(coding.coded + at)) continue;
      const scale = (load<i64>(coding.logScales + (at << 3)) - log + 1040) >> 5;
      const table = <u32>max<i64>(0, min<i64>(LARGEST_TABLE, scale));
      const symbol = <i64>readSymbol(family + table);
      store<i64>(coding.values + (at << 3), (load<i64>(coding.means + (at << 3)) << 8) + size * symbol);
    }
    if (symbolsFailure()) break;
  }
  return symbolsFailure();
}

/** Requantise channels of values to inputs (i16) of a network, rows of `stride` numbers, from number `place` on. */
export function requantise(
  record: usize, rows: usize, count: u32, first: u32, width: u32, multiplier: i32, shift: i32,
  out: usize, stride: u32, place: u32,
): void {
  const coding = changetype<Coding>(record);
  const half: i64 = <i64>1 << <i64>(shift - 1);
  for (let i: u32 = 0; i < count; i++) {
    const from = coding.values + ((rowAt(rows, i) * coding.channels + first) << 3);
    const into = out + ((<usize>i * stride + place) << 1);
    for (let c: u32 = 0; c < width; c++) {
      const scaled = (load<i64>(from + (c << 3)) * multiplier + half) >> <i64>shift;
      store<i16>(into + (c << 1), <i16>max<i64>(-511, min<i64>(511, scaled)));
    }
  }
}

/** Real values (f32) of channels `first` on: value times `step` in f64. */
export function realValues(record: usize, count: u32, first: u32, width: u32, step: f64, out: usize): void {
  const coding = changetype<Coding>(record);
  for (let i: u32 = 0; i < count; i++) {
    const from = coding.values + ((<usize>i * coding.channels + first) << 3);
    for (let c: u32 = 0; c < width; c++) {
      store<f32>(out, <f32>(<f64>load<i64>(from + (c << 3)) * step));
      out += 4;
    }
  }
}
