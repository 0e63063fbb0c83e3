// Sums of the anchors of each object: what LABL tells follows from them. FORMAT.md, section 10.3.

const LARGEST: i64 = 1 << 36;

/** i64 of an object, before the sums of its features: anchors, sums, lowest and highest of the voxels' three axes. */
const FIXED: u32 = 10;

/** Make `objects` rows of sums (i64) of nothing. */
export function clearSums(sums: usize, objects: u32, channels: u32): void {
  const width = FIXED + channels;
  memory.fill(sums, 0, <usize>objects * width * 8);
  for (let n: u32 = 0; n < objects; n++) {
    const row = sums + <usize>n * width * 8;
    for (let axis: usize = 0; axis < 24; axis += 8) {
      store<i64>(row + axis, i64.MAX_VALUE, 32);
      store<i64>(row + axis, i64.MIN_VALUE, 56);
    }
  }
}

/** Count some anchors: labels (i32, 0 for none), voxels (i32) and values of features (i64). */
export function addToSums(sums: usize, labels: usize, voxels: usize, values: usize, count: u32, channels: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const label = load<u32>(labels + (<usize>i << 2));
    if (label == 0) continue;
    const row = sums + <usize>(label - 1) * (FIXED + channels) * 8;
    store<i64>(row, load<i64>(row) + 1);
    for (let axis: usize = 0; axis < 3; axis++) {
      const voxel = <i64>load<i32>(voxels + <usize>i * 12 + (axis << 2));
      const at = row + (axis << 3);
      store<i64>(at, load<i64>(at, 8) + voxel, 8);
      store<i64>(at, min(load<i64>(at, 32), voxel), 32);
      store<i64>(at, max(load<i64>(at, 56), voxel), 56);
    }
    for (let c: u32 = 0; c < channels; c++) {
      const value = load<i64>(values + ((<usize>i * channels + c) << 3));
      const at = row + ((FIXED + c) << 3);
      store<i64>(at, load<i64>(at) + max(-LARGEST, min(LARGEST, value)));
    }
  }
}
