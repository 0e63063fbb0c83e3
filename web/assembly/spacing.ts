// How far the anchors around an anchor are: FORMAT.md, section 8.6.

const WINDOW: i32 = 16;
const MOST: i64 = 32767;
const KEPT: u32 = 12;
const FARTHEST: i32 = 511;

/** Four spacings (i32) of each voxel of a chunk. */
export function spacings(voxels: usize, count: i32, out: usize): void {
  const best = memory.data(96, 8);
  for (let i: i32 = 0; i < count; i++) {
    const last = min(count - 1, i + WINDOW);
    let found: u32 = 0;
    for (let j = max(0, i - WINDOW); j <= last; j++) {
      if (j == i) continue;
      const d = apart(voxels + <usize>i * 12, voxels + <usize>j * 12);
      if (found == KEPT && d >= load<i64>(best + <usize>((KEPT - 1) << 3))) continue;
      let place = found < KEPT ? found++ : KEPT - 1;
      for (; place > 0 && d < load<i64>(best + <usize>((place - 1) << 3)); place--) {
        store<i64>(best + <usize>(place << 3), load<i64>(best + <usize>((place - 1) << 3)));
      }
      store<i64>(best + <usize>(place << 3), d);
    }
    const told = out + <usize>i * 16;
    store<i32>(told, logarithm(best, 0, found));
    store<i32>(told, logarithm(best, 1, found), 4);
    store<i32>(told, logarithm(best, 3, found), 8);
    store<i32>(told, logarithm(best, 11, found), 12);
  }
}

/** The squared distance of two voxels, which are not the same. */
function apart(a: usize, b: usize): i64 {
  let sum: i64 = 0;
  for (let axis: usize = 0; axis < 12; axis += 4) {
    const away = min<i64>(MOST, abs<i64>(<i64>load<i32>(a + axis) - <i64>load<i32>(b + axis)));
    sum += away * away;
  }
  return sum;
}

function logarithm(best: usize, rank: u32, found: u32): i32 {
  if (rank >= found) return FARTHEST;
  const d = load<i64>(best + <usize>(rank << 3));
  if (d <= 0) return 0; // two anchors in one voxel, which no chunk has
  const exponent = 63 - clz<i64>(d);
  return <i32>(16 * exponent + ((16 * d) >> exponent) - 16);
}
