// Integer networks of FORMAT.md, section 8, exact on every machine.
//
// Inputs are i16 and weights i8, kept as i16: `i32x4.dot_i16x8_s` multiplies eight pairs at once. 504 products of
// 32767 * 128 stay below 2^31, so the sums of a block of 504 inputs are exact in i32, in any order; blocks are added up,
// and everything behind them is done, in i64.

const BLOCK: u32 = 504;
const BATCH: u32 = 64;

/** A layer as src/networks/network.ts lays it out. */
@unmanaged
class Layer {
  /** Inputs, rounded up to a multiple of 8; the weights of those added are 0. */
  inputs: u32;
  outputs: u32;
  shift: i32;
  lowest: i32;
  highest: i32;
  /** i16, a row for each output, and rows of 0 up to a multiple of 4. */
  weights: usize;
  /** i32 and u16 of each output. */
  biases: usize;
  multipliers: usize;
  /** Numbers of a row of what comes out: i16 where another layer follows, else i32. */
  stride: u32;
}

/** Bytes of memory that `evaluate` works in, where no layer has more than `widest` outputs, rounded up to 8. */
export function networkWork(widest: u32): u32 {
  return 2 * BATCH * widest * 2;
}

/**
 * Evaluate `count` layers for `rows` rows.
 *
 * @param x Inputs (i16), rows of a multiple of 8 numbers, zeros behind the last input.
 * @param out Outputs (i32).
 * @param work Memory of `networkWork(widest)` bytes.
 */
export function evaluate(
  layers: usize, count: u32, rows: u32, x: usize, out: usize, work: usize, widest: u32,
): void {
  const first = changetype<Layer>(layers);
  const last = changetype<Layer>(layers + (count - 1) * offsetof<Layer>());
  for (let row: u32 = 0; row < rows; row += BATCH) {
    const many = min(BATCH, rows - row);
    let from = x + <usize>row * first.inputs * 2;
    let into = work;
    for (let l: u32 = 0; l < count; l++) {
      const layer = changetype<Layer>(layers + l * offsetof<Layer>());
      if (l + 1 == count) {
        for (let r: u32 = 0; r < many; r++) {
          layerRow<i32>(layer, from + r * layer.inputs * 2, out + <usize>(row + r) * last.stride * 4);
        }
      } else {
        memory.fill(into, 0, many * layer.stride * 2);
        for (let r: u32 = 0; r < many; r++) {
          layerRow<i16>(layer, from + r * layer.inputs * 2, into + r * layer.stride * 2);
        }
        from = into;
        into = from == work ? work + BATCH * widest * 2 : work;
      }
    }
  }
}

function layerRow<T>(layer: Layer, x: usize, y: usize): void {
  const inputs = layer.inputs;
  const bytes = inputs * 2;
  for (let o: u32 = 0; o < layer.outputs; o += 4) {
    const w = layer.weights + <usize>o * bytes;
    let sum0: i64 = 0;
    let sum1: i64 = 0;
    let sum2: i64 = 0;
    let sum3: i64 = 0;
    for (let start: u32 = 0; start < inputs; start += BLOCK) {
      const end = min(inputs, start + BLOCK) * 2;
      let a0 = i32x4.splat(0);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      for (let i: u32 = start * 2; i < end; i += 16) {
        const v = v128.load(x + i);
        const row = w + i;
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(v, v128.load(row)));
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(v, v128.load(row + bytes)));
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(v, v128.load(row + 2 * bytes)));
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(v, v128.load(row + 3 * bytes)));
      }
      const s = sumOfEach(a0, a1, a2, a3);
      sum0 += i32x4.extract_lane(s, 0);
      sum1 += i32x4.extract_lane(s, 1);
      sum2 += i32x4.extract_lane(s, 2);
      sum3 += i32x4.extract_lane(s, 3);
    }
    const many = layer.outputs - o;
    put<T>(layer, o, sum0, y);
    if (many > 1) put<T>(layer, o + 1, sum1, y);
    if (many > 2) put<T>(layer, o + 2, sum2, y);
    if (many > 3) put<T>(layer, o + 3, sum3, y);
  }
}

/** The sums of the lanes of four vectors. */
// @ts-ignore: decorator
@inline
function sumOfEach(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.add(i32x4.shuffle(a, b, 0, 1, 4, 5), i32x4.shuffle(a, b, 2, 3, 6, 7));
  const cd = i32x4.add(i32x4.shuffle(c, d, 0, 1, 4, 5), i32x4.shuffle(c, d, 2, 3, 6, 7));
  return i32x4.add(i32x4.shuffle(ab, cd, 0, 2, 4, 6), i32x4.shuffle(ab, cd, 1, 3, 5, 7));
}

// @ts-ignore: decorator
@inline
function put<T>(layer: Layer, o: u32, sum: i64, y: usize): void {
  const shift = <i64>layer.shift;
  const biased = sum + <i64>load<i32>(layer.biases + (o << 2));
  const scaled = (biased * <i64>load<u16>(layer.multipliers + (o << 1)) + (<i64>1 << (shift - 1))) >> shift;
  const value = max<i64>(layer.lowest, min<i64>(layer.highest, scaled));
  store<T>(y + o * sizeof<T>(), <T>value);
}
