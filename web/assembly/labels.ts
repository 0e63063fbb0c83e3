// The label stream of FORMAT.md, section 10.2.

import { close, open, overrun } from "./binary_coder";
import { bitOf, clearCells } from "./mixing";
import { BAD_END, TOO_LARGE } from "./status";

const LIMIT: u32 = 255;
const HISTORIES: u32 = 64;

/** Bytes of memory that `labels` works in. */
export function labelsWork(): u32 {
  return (2 * HISTORIES + 65536) * 4;
}

/** Decode the labels (i32) of `anchors` anchors, each at most `objects`, which is 1 to 65535. */
export function labels(stream: usize, length: u32, anchors: u32, objects: u32, work: usize, out: usize): i32 {
  open(stream, length);
  clearCells(work, 2 * HISTORIES + 65536);
  const others = work + HISTORIES * 4;
  const prefixes = others + HISTORIES * 4;
  const bits: u32 = 32 - <u32>clz<u32>(objects);
  let history: u32 = HISTORIES - 1;
  let last: u32 = 0;
  let other: u32 = 0;
  for (let i: u32 = 0; i < anchors; i++) {
    const isLast = bitOf(work + (history << 2), LIMIT);
    if (!isLast) {
      let label = other;
      if (!bitOf(others + (history << 2), LIMIT)) {
        let prefix: u32 = 1;
        for (let b: u32 = 0; b < bits; b++) prefix = (prefix << 1) | bitOf(prefixes + (prefix << 2), LIMIT);
        label = prefix - (1 << bits);
      }
      if (label > objects) return TOO_LARGE;
      if (label != last) {
        other = last;
        last = label;
      }
    }
    history = ((history << 1) | isLast) & (HISTORIES - 1);
    store<i32>(out + (<usize>i << 2), last);
    if (overrun()) return BAD_END;
  }
  return close();
}
