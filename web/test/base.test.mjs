// Checksums, digests and inflation against those of Node.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { crc32, deflateSync } from "node:zlib";

import { FormatError, LimitExceeded } from "../dist/base/errors.js";
import { inflate } from "../dist/base/inflate.js";
import { Kernels } from "../dist/base/kernels.js";
import { Sha256 } from "../dist/base/sha256.js";

const kernels = Kernels.createSync();
const LENGTHS = [0, 1, 7, 8, 9, 55, 56, 63, 64, 65, 1000, 70000];

/** CRC-32 as its definition says it; Node 20 may lack zlib.crc32. */
function plainCrc(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

test("CRC-32 is that of zlib", () => {
  assert.equal(kernels.crc(Buffer.from("123456789")), 0xcbf43926);
  for (const length of LENGTHS) {
    const bytes = randomBytes(length);
    assert.equal(kernels.crc(bytes), (crc32 ?? plainCrc)(bytes));
  }
});

test("SHA-256 is that of Node, in pieces too", () => {
  for (const length of LENGTHS) {
    const bytes = randomBytes(length);
    const expected = createHash("sha256").update(bytes).digest("hex");
    const half = Math.floor(length / 2);
    assert.equal(new Sha256().update(bytes.subarray(0, half)).update(bytes.subarray(half)).hex(), expected);
  }
});

test("zlib streams of every level and strategy inflate", () => {
  const contents = [Buffer.alloc(0), Buffer.from("a"), randomBytes(3000), Buffer.from("abcd".repeat(20000))];
  contents.push(Buffer.from(Array.from({ length: 5000 }, (_, i) => ((i * i) >> 7) & 31)));
  for (const content of contents) {
    for (const options of [
      { level: 0 },
      { level: 1 },
      { level: 9 },
      { strategy: 2 },
      { strategy: 3 },
      { strategy: 4 },
    ]) {
      const inflated = inflate(deflateSync(content, options), content.length, "test");
      assert.ok(Buffer.from(inflated).equals(content));
    }
  }
});

test("bad zlib streams are refused, and no more bytes than allowed are made", () => {
  const stream = deflateSync(Buffer.alloc(100_000, 7));
  assert.throws(() => inflate(stream, 99_999, "test"), FormatError);
  assert.throws(() => inflate(stream.subarray(0, -1), 100_000, "test"), FormatError);
  assert.throws(() => inflate(Buffer.concat([stream, Buffer.of(0)]), 100_000, "test"), FormatError);
  const mixed = deflateSync(Buffer.from(Array.from({ length: 3000 }, (_, i) => ((i * i) >> 5) & 63)));
  for (let i = 0; i < mixed.length; i++) {
    const wrong = Buffer.from(mixed);
    wrong[i] ^= 1 << (i % 8);
    assert.throws(() => inflate(wrong, 3000, "test"), FormatError, `byte ${i}`);
  }
});

test("memory that may not be taken is a typed error", () => {
  kernels.bound = 2 ** 20;
  assert.throws(() => kernels.allocate(2 ** 21), LimitExceeded);
  kernels.bound = 2 ** 32 - 2 ** 16;
});
