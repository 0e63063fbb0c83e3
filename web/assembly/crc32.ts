// CRC-32 of zlib, eight bytes a step.

const tables: usize = memory.data(8 * 256 * 4, 16);

/** Fill the tables; once, before anything else. */
export function fillCrcTables(): void {
  for (let i: u32 = 0; i < 256; i++) {
    let crc = i;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
    store<u32>(tables + (i << 2), crc);
  }
  for (let i: u32 = 256; i < 8 * 256; i++) {
    const crc = load<u32>(tables + ((i - 256) << 2));
    store<u32>(tables + (i << 2), (crc >> 8) ^ entry(0, crc & 255));
  }
}

// @ts-ignore: decorator
@inline
function entry(table: u32, byte: u32): u32 {
  return load<u32>(tables + ((table << 10) | ((byte & 255) << 2)));
}

/** CRC-32 of `length` bytes that follow on bytes with the CRC-32 `before` (0 for none). */
export function crc32(data: usize, length: u32, before: u32): u32 {
  let crc = ~before;
  const end = data + length;
  for (; data + 8 <= end; data += 8) {
    const low = load<u32>(data) ^ crc;
    const high = load<u32>(data, 4);
    crc =
      entry(7, low) ^ entry(6, low >> 8) ^ entry(5, low >> 16) ^ entry(4, low >> 24) ^
      entry(3, high) ^ entry(2, high >> 8) ^ entry(1, high >> 16) ^ entry(0, high >> 24);
  }
  for (; data < end; data++) crc = (crc >> 8) ^ entry(0, (crc ^ load<u8>(data)) & 255);
  return ~crc;
}
