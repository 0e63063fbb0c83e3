// The binary decoder of FORMAT.md, section 4: an interval that each bit narrows.

import { BAD_END, OK } from "./status";

let low: u32 = 0;
let high: u32 = 0;
let code: u32 = 0;
let next: usize = 0;
let end: usize = 0;
/** Zeros that were taken from past the end. */
let missing: u32 = 0;

// @ts-ignore: decorator
@inline
function nextByte(): u32 {
  if (next < end) return <u32>load<u8>(next++);
  missing++;
  return 0;
}

/** Begin with the `length` bytes at `stream`. */
export function open(stream: usize, length: u32): void {
  low = 0;
  high = 0xffffffff;
  next = stream;
  end = stream + length;
  missing = 0;
  code = 0;
  for (let i = 0; i < 4; i++) code = (code << 8) | nextByte();
}

/** One bit under the probability `p / 65536` of a one, 1 <= p <= 65535. */
// @ts-ignore: decorator
@inline
export function readBit(p: u32): u32 {
  const middle = low + <u32>((<u64>(high - low) * <u64>p) >> 16);
  const bit: u32 = code <= middle ? 1 : 0;
  if (bit) high = middle;
  else low = middle + 1;
  while ((low ^ high) < 0x1000000) {
    low <<= 8;
    high = (high << 8) | 255;
    code = (code << 8) | nextByte();
  }
  return bit;
}

/** Whether more was read than any stream lets a reader read: the bytes are wrong, and reading on is in vain. */
// @ts-ignore: decorator
@inline
export function overrun(): bool {
  return missing > 3;
}

/** After the last bit: whether the stream ended where its writer ended it. */
export function close(): i32 {
  return missing == 3 && next == end && code == ((low >> 24) + 1) << 24 ? OK : BAD_END;
}
