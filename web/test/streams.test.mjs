// Streams against the vectors of FORMAT.md, section 14.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FormatError } from "../dist/base/errors.js";
import { accept } from "../dist/base/kernels.js";
import { decodeLabels, decodeMasks, decodeRows, packBits } from "../dist/streams/bits.js";
import { decodePositions } from "../dist/streams/positions.js";
import { ObjectTree } from "../dist/scene/tree.js";
import { kernels, vectors } from "./material.mjs";

const bytesOf = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const rowsOf = (array, width) =>
  Array.from({ length: array.length / width }, (_, i) => [...array.slice(i * width, (i + 1) * width)]);

/** Streams with a bit changed, cut or prolonged either fail with a typed error or decode to something else. */
function spoil(stream, decode) {
  for (let i = 0; i < stream.length; i++) {
    const wrong = stream.slice();
    wrong[i] ^= 1 << (i % 8);
    for (const bytes of [wrong, stream.subarray(0, i), new Uint8Array([...stream, i])]) {
      try {
        kernels.scope(() => decode(bytes));
      } catch (error) {
        assert.ok(error instanceof FormatError, error.stack);
      }
    }
  }
}

test("squash and stretch have their check values", () => {
  assert.equal(kernels.crcAt(kernels.call.squashTable(), 4095 * 2), 0x04b45c47);
  assert.equal(kernels.crcAt(kernels.call.stretchTable(), 4096 * 2), 0xa336a156);
});

test("positions", () => {
  for (const { count, points, stream } of vectors("positions")) {
    const decode = (bytes) => kernels.i32(decodePositions(kernels, bytes, count, "POSI"), 3 * count);
    kernels.scope(() => assert.deepEqual(rowsOf(decode(bytesOf(stream)), 3), points));
    spoil(bytesOf(stream), decode);
    assert.throws(() => decodePositions(kernels, bytesOf(stream), count + 1, "POSI"), FormatError);
  }
});

test("masks", () => {
  for (const { masks, stream } of vectors("masks")) {
    const [anchors, slots] = [masks.length, masks[0].length];
    const decode = (bytes) => kernels.u8(decodeMasks(kernels, bytes, anchors, slots, "MASK"), anchors * slots);
    kernels.scope(() =>
      assert.deepEqual(
        rowsOf(decode(bytesOf(stream)), slots).map((row) => row.join("")),
        masks,
      ),
    );
    spoil(bytesOf(stream), decode);
  }
  assert.deepEqual([...packBits(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1, 1))], [129, 128]);
});

test("labels", () => {
  for (const { objects, labels, stream } of vectors("labels")) {
    const decode = (bytes) => kernels.i32(decodeLabels(kernels, bytes, labels.length, objects, "SEMA"), labels.length);
    kernels.scope(() => assert.deepEqual([...decode(bytesOf(stream))], labels));
    spoil(bytesOf(stream), decode);
  }
});

test("rows of Gaussians", () => {
  for (const { voxels, values, stream } of vectors("rows")) {
    const [count, width] = [voxels.length, values[0].length];
    const decode = (bytes) => {
      const at = kernels.put(Int32Array.from(voxels.flat()));
      return kernels.i32(decodeRows(kernels, bytes, at, count, width, "SPLT"), count * width);
    };
    kernels.scope(() => assert.deepEqual(rowsOf(decode(bytesOf(stream)), width), values));
    spoil(bytesOf(stream), decode);
  }
});

test("symbols", () => {
  const { tables, symbols, stream } = vectors("symbols");
  const decode = (bytes) => {
    accept(kernels.call.openSymbols(kernels.put(bytes), bytes.length), "symbols");
    const out = kernels.allocate(4 * symbols.length);
    accept(kernels.call.readSymbols(kernels.put(Uint8Array.from(tables)), symbols.length, out), "symbols");
    accept(kernels.call.closeSymbols(), "symbols");
    return kernels.i32(out, symbols.length);
  };
  kernels.scope(() => assert.deepEqual([...decode(bytesOf(stream))], symbols));
  spoil(bytesOf(stream), decode);
});

test("what objects are parts of", () => {
  for (const { objects, bytes, members } of vectors("trees")) {
    assert.deepEqual(ObjectTree.read(bytesOf(bytes), objects).members(), members);
  }
});

test("what is no tree is refused", () => {
  const read = (...numbers) => ObjectTree.read(new Uint8Array(new Uint16Array(numbers).buffer), 2);
  assert.deepEqual(read(1, 1, 1, 0).members(), [[1], [2], [1, 2]]);
  const chain = Array.from({ length: 17 }, (_, i) => i + 1);
  const deep = [17, 1, ...chain, ...chain.slice(1), 0]; // of 18 objects, 17 wholes in one another
  assert.throws(() => ObjectTree.read(new Uint8Array(new Uint16Array(deep).buffer), 18), FormatError);
  const bad = [[1, 1, 1], [1, 1, 2, 0], [1, 1, 1, 1], [2, 1, 2, 2, 1], [1, 0, 0, 0], [2, 1, 1, 2, 0], [1, 1, 1, 0, 0]];
  for (const numbers of bad) assert.throws(() => read(...numbers), FormatError, String(numbers));
});
