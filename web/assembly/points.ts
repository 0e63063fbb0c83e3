// Keys of points in order, and the coordinates that they stand for.

const counts: usize = memory.data(256 * 4, 16);

/**
 * Sort `count` keys (u64) upwards; equal ones keep their order.
 *
 * @param places u32 that move with the keys, or 0.
 * @param spare, sparePlaces Memory for as many.
 */
export function sortKeys(keys: usize, places: usize, spare: usize, sparePlaces: usize, count: u32): void {
  let from = keys;
  let into = spare;
  let fromPlaces = places;
  let intoPlaces = sparePlaces;
  for (let shift: u64 = 0; shift < 64; shift += 8) {
    countDigits(from, count, shift);
    for (let i: u32 = 0; i < count; i++) {
      const key = load<u64>(from + (<usize>i << 3));
      const at = counts + (<usize>((key >> shift) & 255) << 2);
      const place = load<u32>(at);
      store<u32>(at, place + 1);
      store<u64>(into + (<usize>place << 3), key);
      if (places) store<u32>(intoPlaces + (<usize>place << 2), load<u32>(fromPlaces + (<usize>i << 2)));
    }
    const old = from;
    from = into;
    into = old;
    const oldPlaces = fromPlaces;
    fromPlaces = intoPlaces;
    intoPlaces = oldPlaces;
  }
}

/** Where the keys of each value of a digit begin. */
function countDigits(keys: usize, count: u32, shift: u64): void {
  memory.fill(counts, 0, 256 * 4);
  for (let i: u32 = 0; i < count; i++) {
    const at = counts + (<usize>((load<u64>(keys + (<usize>i << 3)) >> shift) & 255) << 2);
    store<u32>(at, load<u32>(at) + 1);
  }
  let sum: u32 = 0;
  for (let digit: usize = 0; digit < 256; digit++) {
    const many = load<u32>(counts + (digit << 2));
    store<u32>(counts + (digit << 2), sum);
    sum += many;
  }
}

/** Points (i32 x, y, z) from Morton keys: bit b of x is bit 3b + 2 of the key, of y 3b + 1, of z 3b. */
export function pointsOfKeys(keys: usize, count: u32, x: i32, y: i32, z: i32, points: usize): void {
  for (let i: u32 = 0; i < count; i++) {
    const key = load<u64>(keys + (<usize>i << 3));
    const at = points + <usize>i * 12;
    store<i32>(at, x + everyThird(key >> 2), 0);
    store<i32>(at, y + everyThird(key >> 1), 4);
    store<i32>(at, z + everyThird(key), 8);
  }
}

/** Bits 0, 3, 6, .. of a key, side by side. */
function everyThird(key: u64): i32 {
  let v = key & 0x1249249249249249;
  v = (v | (v >> 2)) & 0x10c30c30c30c30c3;
  v = (v | (v >> 4)) & 0x100f00f00f00f00f;
  v = (v | (v >> 8)) & 0x1f0000ff0000ff;
  v = (v | (v >> 16)) & 0x1f00000000ffff;
  v = (v | (v >> 32)) & 0x1fffff;
  return <i32>v;
}
