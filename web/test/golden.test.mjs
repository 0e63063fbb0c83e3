// Golden files and the file of the vectors decode to what Python decodes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { contentDigest, Decoder, UnsupportedVersion } from "../dist/index.js";
import { golden, goldenDigests, goldenNames } from "./material.mjs";

const decoder = await Decoder.create();
const TORCHAC = "v1_torchac.csg";

for (const name of goldenNames.filter((file) => file !== TORCHAC)) {
  test(`${name} decodes to its digest`, () => {
    const scene = decoder.decode(golden(name));
    assert.equal(scene.rows, goldenDigests[name].anchors);
    assert.equal(contentDigest(scene), goldenDigests[name].content);
  });
}

test("symbols of torchac are refused with the reason", () => {
  assert.throws(
    () => decoder.decode(golden(TORCHAC)),
    (error) => error instanceof UnsupportedVersion && /torchac/.test(error.message),
  );
});

test("nothing of the memory is looked at through a view from before it grew", () => {
  const moving = Decoder.createSync();
  const { kernels } = moving;
  const allocate = kernels.allocate.bind(kernels);
  kernels.allocate = (bytes) => {
    const at = allocate(bytes);
    kernels.call.memory.grow(0); // by nothing, but it moves
    return at;
  };
  for (const name of goldenNames.filter((file) => file !== TORCHAC)) {
    assert.equal(contentDigest(moving.decode(golden(name))), goldenDigests[name].content, name);
  }
});
