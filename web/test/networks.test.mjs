// Networks, encodings and neighbours against the vectors of FORMAT.md, section 14.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FormatError } from "../dist/base/errors.js";
import { Hyperprior } from "../dist/networks/hyperprior.js";
import { ChannelLayout, sliceEdges } from "../dist/networks/layout.js";
import { findNear } from "../dist/networks/neighbours.js";
import { IntegerNetwork, padded } from "../dist/networks/network.js";
import { kernels, vectors } from "./material.mjs";

const bytesOf = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const rowsOf = (array, width) =>
  Array.from({ length: array.length / width }, (_, i) => [...array.slice(i * width, (i + 1) * width)]);

/** Inputs (i16) of a network, rows padded. */
function putInputs(rows) {
  const stride = padded(rows[0].length);
  const inputs = new Int16Array(stride * rows.length);
  rows.forEach((row, i) => inputs.set(row, i * stride));
  return kernels.put(inputs);
}

test("hyperpriors of all encodings", () => {
  for (const { channels, bytes, voxels, inputs, mean, log_scale: logScale, step, log_step: logStep } of vectors(
    "hyperpriors",
  )) {
    kernels.scope(() => {
      const [features, scalings, offsets] = channels;
      assert.equal(scalings, 6);
      const layout = ChannelLayout.ofColour(features, offsets / 3);
      const hyperprior = Hyperprior.read(kernels, bytesOf(bytes), layout.outputs, "NETE");
      const at = kernels.put(Int32Array.from(voxels.flat()));
      const width = padded(hyperprior.encoding.channels);
      const encoded = kernels.allocate(2 * width * voxels.length);
      hyperprior.encoding.write(at, voxels.length, encoded);
      const found = rowsOf(kernels.i16(encoded, width * voxels.length), width);
      assert.deepEqual(
        found.map((row) => row.slice(0, inputs[0].length)),
        inputs,
      );
      hyperprior.evaluate(at, voxels.length, (outputs, first, count) => {
        rowsOf(kernels.i32(outputs, count * layout.outputs), layout.outputs).forEach((row, i) => {
          assert.deepEqual(row.slice(0, layout.channels), mean[first + i]);
          assert.deepEqual(row.slice(layout.channels, 2 * layout.channels), logScale[first + i]);
          const raw = row.slice(2 * layout.channels).map((r) => Math.max(-256, Math.min(256, r)) + 256);
          assert.deepEqual(
            raw.map((r) => kernels.i32(kernels.tables.steps, 513)[r]),
            step[first + i],
          );
          assert.deepEqual(
            raw.map((r) => kernels.i32(kernels.tables.logSteps, 513)[r]),
            logStep[first + i],
          );
        });
      });
    });
  }
});

test("a channel network", () => {
  const { network, inputs, outputs } = vectors("carm");
  kernels.scope(() => {
    const read = IntegerNetwork.read(kernels, bytesOf(network), "NETE");
    const found = kernels.i32(read.evaluate(putInputs(inputs), inputs.length), inputs.length * read.outputs);
    assert.deepEqual(rowsOf(found, read.outputs), outputs);
  });
});

/** The bytes of a network of one layer. */
function layerBytes({ inputs, largest, shift, lowest, highest, multipliers, biases, weights }) {
  const bytes = Buffer.alloc(5 + 11 + 6 * biases.length + weights.length);
  bytes.writeUInt8(1, 0);
  bytes.writeUInt16LE(inputs, 1);
  bytes.writeUInt16LE(largest, 3);
  bytes.writeUInt16LE(biases.length, 5);
  bytes.writeUInt8(shift, 7);
  bytes.writeInt32LE(lowest, 8);
  bytes.writeInt32LE(highest, 12);
  multipliers.forEach((value, i) => bytes.writeUInt16LE(value, 16 + 2 * i));
  biases.forEach((value, i) => bytes.writeInt32LE(value, 16 + 2 * biases.length + 4 * i));
  Buffer.from(Int8Array.from(weights).buffer).copy(bytes, 16 + 6 * biases.length);
  return new Uint8Array(bytes);
}

test("sums stay exact at the bounds of the format", () => {
  for (const inputs of [1, 7, 8, 503, 504, 505, 4096]) {
    const spec = { inputs, largest: 32767, shift: 21, lowest: -(2 ** 31) + 1, highest: 2 ** 31 - 1 };
    const weights = [...Array(inputs).fill(-128), ...Array(inputs).fill(127), ...Array(inputs).fill(1)];
    const biases = [-(2 ** 31), 2 ** 31 - 1, 12345];
    const multipliers = [32767, 32767, 1];
    kernels.scope(() => {
      const network = IntegerNetwork.read(kernels, layerBytes({ ...spec, multipliers, biases, weights }), "NETE");
      const rows = [Array(inputs).fill(32767), Array(inputs).fill(-32767)];
      const found = rowsOf(kernels.i32(network.evaluate(putInputs(rows), 2), 6), 3);
      const expected = rows.map(([x]) =>
        [-128, 127, 1].map((weight, o) => {
          const sum = BigInt(weight * x * inputs + biases[o]) * BigInt(multipliers[o]);
          const scaled = Number((sum + (1n << 20n)) >> 21n);
          return Math.max(spec.lowest, Math.min(spec.highest, scaled));
        }),
      );
      assert.deepEqual(found, expected);
    });
  }
});

test("networks outside of their ranges are refused", () => {
  const spec = {
    inputs: 1,
    largest: 511,
    shift: 1,
    lowest: 0,
    highest: 1,
    multipliers: [1],
    biases: [0],
    weights: [1],
  };
  const read = (changes) =>
    kernels.scope(() => IntegerNetwork.read(kernels, layerBytes({ ...spec, ...changes }), "NETE"));
  assert.equal(read({}).outputs, 1);
  const strange = [
    { largest: 0 },
    { shift: 0 },
    { shift: 41 },
    { lowest: 1 },
    { multipliers: [0] },
    { multipliers: [32768] },
  ];
  for (const changes of [...strange, { inputs: 2 }, { weights: [1, 1] }, { lowest: -(2 ** 31) }]) {
    assert.throws(() => read(changes), FormatError, JSON.stringify(changes));
  }
});

test("spacings", () => {
  const { voxels, spacings } = vectors("progressive");
  kernels.scope(() => {
    const out = kernels.allocate(16 * voxels.length);
    kernels.call.spacings(kernels.put(Int32Array.from(voxels.flat())), voxels.length, out);
    assert.deepEqual(rowsOf(kernels.i32(out, 4 * voxels.length), 4), spacings);
  });
});

test("slices of features round halves to even", () => {
  assert.deepEqual(sliceEdges(50), [0, 5, 15, 30, 50]);
  assert.deepEqual(sliceEdges(6), [0, 1, 2, 4, 6]);
  assert.deepEqual(sliceEdges(5), [0, 0, 2, 3, 5]);
  assert.deepEqual(sliceEdges(25), [0, 2, 8, 15, 25]);
});

test("waves, neighbours, facts and what is seen", () => {
  const { selection, voxels, wave, rows, weight, facts, known, seen } = vectors("neighbours");
  const [waves, most, reach] = selection;
  const count = voxels.length;
  kernels.scope(() => {
    const near = findNear(kernels, kernels.put(Int32Array.from(voxels.flat())), count, { waves, most, reach });
    assert.deepEqual([...kernels.u8(near.waves, count)], wave);
    assert.deepEqual(rowsOf(kernels.i32(near.rows, most * count), most), rows);
    assert.deepEqual(rowsOf(kernels.i32(near.weights, most * count), most), weight);
    assert.deepEqual(rowsOf(kernels.i32(near.facts, 2 * count), 2), facts);
    const width = known[0].length;
    const all = kernels.put(Uint32Array.from({ length: count }, (_, i) => i));
    const out = kernels.zeros(2 * count * width);
    const at = kernels.put(Int16Array.from(known.flat()));
    kernels.call.seen(all, count, most, near.rows, near.weights, at, width, 0, width, out, width, 0);
    assert.deepEqual(
      rowsOf(kernels.i16(out, count * width), width),
      seen.map((row) => row.slice(0, width)),
    );
  });
});
