// Bytes that no checksum guards: networks, symbols and contents, damaged. They end in typed errors or in wrong numbers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { CsgError, Decoder, FormatError, LimitExceeded } from "../dist/index.js";
import { Hyperprior } from "../dist/networks/hyperprior.js";
import { ChannelLayout } from "../dist/networks/layout.js";
import { readModel } from "../dist/networks/models.js";
import { ObjectTable } from "../dist/scene/objects.js";
import { readRenderNetworks } from "../dist/scene/render_networks.js";
import { decodeValues } from "../dist/scene/values.js";
import { golden, goldenNames, kernels, sealed, vectors } from "./material.mjs";

const decoder = Decoder.createSync();
const bytesOf = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const TOC = 64;

/** Numbers from 0 on that are the same in every run. */
function dice(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A copy with one to four bytes changed, or cut. */
function damaged(bytes, roll) {
  const wrong = bytes.slice();
  for (let i = 1 + roll(4); i > 0; i--) {
    const at = roll(wrong.length);
    wrong[at] = [wrong[at] ^ (1 << roll(8)), roll(256), 0, 255][roll(4)];
  }
  return roll(8) ? wrong : wrong.subarray(0, roll(wrong.length));
}

/** Run `read` on many damaged copies; how many were refused. */
function attack(bytes, count, read) {
  const roll = dice(bytes.length);
  let refused = 0;
  for (let i = 0; i < count; i++) {
    try {
      kernels.scope(() => read(damaged(bytes, roll)));
    } catch (error) {
      assert.ok(error instanceof CsgError, error.stack);
      refused++;
    }
  }
  return refused;
}

test("hyperpriors of all encodings", () => {
  for (const { channels, bytes, voxels } of vectors("hyperpriors")) {
    const layout = ChannelLayout.ofColour(channels[0], channels[2] / 3);
    const refused = attack(bytesOf(bytes), 300, (wrong) => {
      const hyperprior = Hyperprior.read(kernels, wrong, layout.outputs, "NETE");
      hyperprior.evaluate(kernels.put(Int32Array.from(voxels.flat())), voxels.length, () => undefined);
    });
    assert.ok(refused > 30);
  }
});

test("models and symbols of golden files", () => {
  for (const name of ["v1_inr.csg", "v1_triplane.csg", "v1_neighbours.csg", "v1_progressive.csg", "v1_escapes.csg"]) {
    const container = decoder.open(golden(name));
    const scene = decoder.decode(golden(name));
    const layout = ChannelLayout.ofColour(scene.facts.featureDim, scene.facts.numOffsets);
    const { bytes, model } = container.content("NETE");
    const entry = container.chunks("COLR")[0];
    const own = scene.voxels.slice(0, 3 * entry.rows);
    const decode = (network, stream) => {
      const voxels = kernels.put(own);
      const coded = kernels.allocate(entry.rows * layout.channels);
      kernels.u8(coded, entry.rows * layout.channels).fill(1);
      const read = readModel(kernels, model, network, layout, "NETE");
      const all = { ...entry, symbols: entry.rows * layout.channels };
      decodeValues(kernels, read, layout, { entry: all, stream, voxels, anchors: entry.rows, coded });
    };
    const stream = container.body(entry);
    assert.ok(attack(bytes, 200, (wrong) => decode(wrong, stream)) > 20);
    assert.ok(attack(stream, 200, (wrong) => decode(bytes, wrong)) > 20);
  }
});

test("objects and networks for drawing", () => {
  const container = decoder.open(golden("v1_semantics.csg"));
  const { facts } = decoder.decode(golden("v1_semantics.csg"));
  const nets = container.content("NETS").bytes;
  const [channels, labl, netr] = [nets[0], container.content("LABL").bytes, container.content("NETR").bytes];
  assert.ok(attack(labl, 500, (wrong) => ObjectTable.read(wrong, channels, container.header.rows)) > 50);
  assert.ok(attack(netr, 500, (wrong) => readRenderNetworks(wrong, facts.featureDim, facts.numOffsets)) > 50);
});

test("every byte of a golden file, changed", () => {
  const bytes = golden("v1_factorised.csg");
  for (let i = 0; i < bytes.length; i++) {
    const wrong = bytes.slice();
    wrong[i] ^= 1 << (i % 8);
    assert.throws(() => decoder.decode(wrong), FormatError, `byte ${i}`);
    const front = i < 24 || (i >= 28 && i < TOC + 24);
    if (!front) continue;
    try {
      decoder.decode(sealed(wrong));
    } catch (error) {
      assert.ok(error instanceof CsgError, error.stack);
    }
  }
});

test("files that ask for too much are refused before memory is taken", () => {
  const bytes = golden("v1_inr.csg");
  const limits = [
    { maxMemoryBytes: 1000 },
    { maxNetworkOperations: 1000 },
    { maxRows: 1 },
    { maxMemoryBytes: 2 ** 20 },
  ];
  for (const limit of limits) assert.throws(() => decoder.decode(bytes, { limits: limit }), LimitExceeded);
  assert.equal(decoder.decode(bytes).rows, 18, "and the decoder works on");
});

test("bytes of other memory, and views into it, decode alike", () => {
  for (const name of goldenNames.slice(0, 3)) {
    const bytes = golden(name);
    const view = new Uint8Array(new ArrayBuffer(bytes.length + 13), 5, bytes.length);
    view.set(bytes);
    assert.deepEqual(decoder.decode(view).voxels, decoder.decode(Buffer.from(bytes)).voxels);
  }
});
