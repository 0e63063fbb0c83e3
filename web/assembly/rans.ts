// Symbol streams of FORMAT.md, section 7: rANS of eight lanes, read group by group.

import { BAD_STATE, BITS_LEFT, OK, TOO_LARGE, WORDS_MISSING } from "./status";

const LANES: u32 = 8;
const LEAST_STATE: u32 = 1 << 16;
const SLOTS: u32 = 1 << 14;
const BUCKETS: u32 = 256;
const LARGEST_SYMBOL: i64 = (1 << 24) - 1;
const TABLES: u32 = 176;
const FAMILY: u32 = 88;

/** A table as `prepareTables` makes it. */
@unmanaged
class Table {
  /** Its symbols are -reach .. reach and, last, the escape. */
  reach: u32;
  /** Cumulative frequencies (u16; the last one, 2^14, included). */
  cumulative: usize;
  /** For each 64 slots, the symbol (u16, counted from 0) of the first. */
  buckets: usize;
}

const tables: usize = memory.data(176 * 12, 16);

const states: usize = memory.data(8 * 4, 16);
let nextWord: usize = 0;
let escapes: usize = 0;
let escapeBits: u32 = 0;
let escapeCount: u32 = 0;
let position: u32 = 0;

/** Bytes of memory that the tables of `count` numbers are kept in. */
export function tablesWork(count: u32): u32 {
  return count * 4 + TABLES * (BUCKETS + 4) * 2;
}

/** Make what is looked up from the file of the tables (u16); `into` keeps it. */
export function prepareTables(file: usize, into: usize): void {
  let numbers = file + TABLES * 2;
  for (let t: u32 = 0; t < TABLES; t++) {
    const table = tableAt(t);
    const reach = <u32>load<u16>(file + (t << 1));
    table.reach = reach;
    table.cumulative = into;
    let sum: u32 = 0;
    for (let symbol: u32 = 0; symbol <= 2 * reach + 1; symbol++) {
      store<u16>(into, <u16>sum);
      into += 2;
      const place = symbol > 2 * reach ? reach + 1 : symbol > reach ? symbol - reach : reach - symbol;
      sum += <u32>load<u16>(numbers + (place << 1));
    }
    store<u16>(into, <u16>sum);
    into += 2;
    table.buckets = into;
    let symbol: u32 = 0;
    for (let bucket: u32 = 0; bucket < BUCKETS; bucket++) {
      while (cumulativeOf(table, symbol + 1) <= bucket << 6) symbol++;
      store<u16>(into, <u16>symbol);
      into += 2;
    }
    numbers += (reach + 2) << 1;
  }
}

// @ts-ignore: decorator
@inline
function tableAt(t: u32): Table {
  return changetype<Table>(tables + <usize>t * offsetof<Table>());
}

// @ts-ignore: decorator
@inline
function cumulativeOf(table: Table, symbol: u32): u32 {
  return <u32>load<u16>(table.cumulative + (symbol << 1));
}

/** Begin with a stream, or, of length 0, with none. */
export function openSymbols(stream: usize, length: u32): i32 {
  position = 0;
  escapeBits = 0;
  escapeCount = 0;
  nextWord = stream;
  escapes = stream + length;
  if (length == 0) {
    for (let lane: u32 = 0; lane < LANES; lane++) store<u32>(states + (lane << 2), LEAST_STATE);
    return OK;
  }
  if (length < 32 || length & 1) return WORDS_MISSING;
  memory.copy(states, stream, 32);
  nextWord = stream + 32;
  for (let lane: u32 = 0; lane < LANES; lane++) {
    if (load<u32>(states + (lane << 2)) < LEAST_STATE) return BAD_STATE;
  }
  return OK;
}

/** After the last symbol: whether every state, word and bit is as the writer leaves it. */
export function closeSymbols(): i32 {
  for (let lane: u32 = 0; lane < LANES; lane++) {
    if (load<u32>(states + (lane << 2)) != LEAST_STATE) return BAD_STATE;
  }
  if (nextWord != escapes) return WORDS_MISSING;
  return escapeCount > 0 && (escapeBits & ((1 << escapeCount) - 1)) != 0 ? BITS_LEFT : OK;
}

let failure: i32 = 0;

/** Decode `count` symbols (i32), each under the table (u8) of its number. */
export function readSymbols(numbers: usize, count: u32, out: usize): i32 {
  failure = OK;
  for (let i: u32 = 0; i < count; i++) store<i32>(out + (<usize>i << 2), readSymbol(load<u8>(numbers + i)));
  return failure;
}

/** Why the last `readSymbol` calls were refused, `OK` if they were not; to be asked after a group. */
// @ts-ignore: decorator
@inline
export function symbolsFailure(): i32 {
  return failure;
}

/** Forget the last failure. */
// @ts-ignore: decorator
@inline
export function beginSymbols(): void {
  failure = OK;
}

/** The next symbol of the stream, under table `t`. */
// @ts-ignore: decorator
@inline
export function readSymbol(t: u32): i32 {
  const table = tableAt(t);
  const at = states + ((position++ & (LANES - 1)) << 2);
  let x = load<u32>(at);
  const slot = x & (SLOTS - 1);
  let symbol = <u32>load<u16>(table.buckets + ((slot >> 6) << 1));
  let upper = cumulativeOf(table, symbol + 1);
  while (upper <= slot) upper = cumulativeOf(table, ++symbol + 1);
  const lower = cumulativeOf(table, symbol);
  x = (upper - lower) * (x >> 14) + slot - lower;
  if (x < LEAST_STATE) {
    if (nextWord < escapes) {
      x = (x << 16) | <u32>load<u16>(nextWord);
      nextWord += 2;
    } else failure = WORDS_MISSING;
  }
  store<u32>(at, x);
  return symbol > 2 * table.reach ? readEscape(t, table.reach) : <i32>symbol - <i32>table.reach;
}

function escapeBit(): u32 {
  if (escapeCount == 0) {
    if (escapes - 2 < nextWord) {
      failure = WORDS_MISSING;
      return 1;
    }
    escapes -= 2;
    escapeBits = <u32>load<u16>(escapes);
    escapeCount = 16;
  }
  escapeCount--;
  return (escapeBits >> escapeCount) & 1;
}

/** A value beyond the alphabet -reach .. reach of table `t`. */
function readEscape(t: u32, reach: u32): i32 {
  const order = <u32>max<i32>(0, <i32>((t % FAMILY) >> 3) - 3);
  let length = order;
  while (!escapeBit()) {
    if (++length > 32) {
      failure = TOO_LARGE;
      return 0;
    }
  }
  let code: u64 = 1;
  for (let i: u32 = 0; i < length; i++) code = (code << 1) | escapeBit();
  const u = code - ((<u64>1) << <u64>order);
  const size = <i64>(u >> 1) + <i64>reach + 1;
  const value = u & 1 ? -size : size;
  if (value < -0x80000000 || value > 0x7fffffff) {
    failure = TOO_LARGE;
    return 0;
  }
  return <i32>max<i64>(-LARGEST_SYMBOL, min<i64>(LARGEST_SYMBOL, value));
}
