// Whole files of the vectors: every decoded value, object and edit.

import assert from "node:assert/strict";
import { test } from "node:test";

import { contentDigest, Decoder, FormatError, seenFrom } from "../dist/index.js";
import { bindingOf, readEdits } from "../dist/scene/edits.js";
import { vectors } from "./material.mjs";

const decoder = Decoder.createSync();
const bytesOf = (hex) => new Uint8Array(Buffer.from(hex, "hex"));
const rowsOf = (array, width) =>
  Array.from({ length: array.length / width }, (_, i) => [...array.slice(i * width, (i + 1) * width)]);

/** Numbers that vectors have to six digits. */
function assertClose(found, expected) {
  assert.equal(found.length, expected.length);
  found.forEach((value, i) => {
    const error = Math.abs(value - expected[i]);
    assert.ok(error <= 1e-5 * Math.max(1e-6, Math.abs(expected[i])), `${value} for ${expected[i]}`);
  });
}

/** Feature, scaling and offsets of a row side by side, as the vectors have them. */
function attributes(scene, row) {
  return [scene.feature, scene.scaling, scene.offset].flatMap((array) => {
    const width = array.length / scene.rows;
    return [...array.slice(row * width, (row + 1) * width)];
  });
}

function compareChunk(scene, first, chunk) {
  const { values, attributes: real } = chunk.colour ?? chunk;
  values.forEach((row, i) => {
    const found = attributes(scene, first + i);
    assertClose(found, real[i]);
    const steps = found.map((value, c) => value / scene.facts.baseSteps[typeOf(scene, c)]);
    row.forEach((value, c) => assert.equal(Math.round(steps[c] * 65536), value));
  });
}

function typeOf(scene, channel) {
  const { featureDim } = scene.facts;
  return channel < featureDim ? 0 : channel < featureDim + 6 ? 1 : 2;
}

test("a file with semantics, value by value", () => {
  const { file, chunks, objects, digest } = vectors("file");
  const scene = decoder.decode(bytesOf(file));
  assert.equal(contentDigest(scene), digest);
  let first = 0;
  for (const chunk of chunks) {
    const rows = chunk.points.length;
    const slots = scene.facts.numOffsets;
    assert.deepEqual(rowsOf(scene.voxels.slice(3 * first, 3 * (first + rows)), 3), chunk.points);
    assert.deepEqual(rowsOf(scene.mask.slice(slots * first, slots * (first + rows)), slots), chunk.masks);
    compareChunk(scene, first, chunk);
    assert.deepEqual([...scene.semantics.label.slice(first, first + rows)], chunk.labels);
    first += rows;
  }
  assert.equal(scene.rows, first);
  scene.semantics.objects.forEach((object, i) => {
    const { embedding, ...known } = objects[i];
    const { embedding: found, solidity, ...others } = object;
    assert.equal(solidity, 1);
    assert.deepEqual(others, known);
    assertClose(found ?? [], embedding ?? []);
  });
});

for (const name of ["neighbours", "progressive"]) {
  test(`a file of model ${name}, value by value`, () => {
    const { file, chunks } = vectors(name);
    const scene = decoder.decode(bytesOf(file));
    let first = 0;
    for (const chunk of chunks) {
      compareChunk(scene, first, chunk);
      first += chunk.values.length;
    }
    assert.equal(scene.rows, first);
  });
}

test("operations on objects, and what binds them to a scene", () => {
  const { scene, content, edits } = vectors("edits");
  const found = readEdits(bytesOf(content)).edits;
  assert.equal(found.length, edits.length);
  found.forEach((edit, i) => {
    const { target, ...others } = edits[i];
    const { objects, ...rest } = edit;
    assert.deepEqual(rest, others);
    assert.deepEqual(objects ?? [], target?.ids ?? []);
  });
  const bound = bindingOf(decoder.open(bytesOf(vectors("file").file)));
  assert.equal(Buffer.from(bound).toString("hex"), scene);
});

test("edits with a fault are refused", () => {
  const bytes = bytesOf(vectors("edits").content);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => readEdits(bytes.subarray(0, length)), FormatError);
  }
  for (const [at, value] of [
    [18, 9],
    [18, 0],
    [19, 0],
    [16, 9],
    [21, 0],
  ]) {
    const wrong = bytes.slice();
    wrong[at] = value;
    assert.throws(() => readEdits(wrong), FormatError, `byte ${at}`);
  }
});

test("some chunks alone are rows of the whole", () => {
  const bytes = bytesOf(vectors("file").file);
  const whole = decoder.decode(bytes);
  const second = decoder.decode(bytes, { chunks: [1] });
  const first = whole.rows - second.rows;
  assert.deepEqual(second.voxels, whole.voxels.slice(3 * first));
  assert.deepEqual(second.feature, whole.feature.slice((whole.feature.length / whole.rows) * first));
  assert.deepEqual(second.semantics.label, whole.semantics.label.slice(first));
  assert.throws(() => decoder.decode(bytes, { chunks: [2] }), /chunk 2 does not exist/);
});

test("progress shows rows as they come", () => {
  const seen = [];
  const bytes = bytesOf(vectors("file").file);
  decoder.decode(bytes, {
    progress: ({ done, total, scene }) => seen.push([done, total, scene.rows, scene.semantics]),
  });
  assert.deepEqual(seen, [
    [1, 2, 12, undefined],
    [2, 2, 18, undefined],
  ]);
});

test("what a camera sees of a scene, which the vectors have of the anchors that reach the picture", () => {
  const { file, camera, gaussians } = vectors("file");
  const [[a, b, c, x], [d, e, f, y], [g, h, i, z]] = camera.world_to_camera;
  const eye = [-(a * x + d * y + g * z), -(b * x + e * y + h * z), -(c * x + f * y + i * z)];
  const seen = seenFrom(decoder.decode(bytesOf(file)), eye);
  const numbers = (at) => [
    ...seen.means.slice(3 * at, 3 * at + 3),
    ...seen.quats.slice(4 * at, 4 * at + 4),
    ...seen.scales.slice(3 * at, 3 * at + 3),
    seen.opacities[at],
    ...seen.colours.slice(3 * at, 3 * at + 3),
  ];
  const unit = (quat) => quat.map((part) => part / Math.hypot(...quat));
  const near = (value, expected) => Math.abs(value - expected) < 1e-4 * Math.max(1, Math.abs(expected));
  let at = 0;
  gaussians.means.forEach((mean, n) => {
    const { quats, scales, opacities, colors } = gaussians;
    const expected = [...mean, ...unit(quats[n]), ...scales[n], opacities[n], ...colors[n]];
    while (at < seen.row.length && !numbers(at).every((value, j) => near(value, expected[j]))) at++;
    assert.ok(at < seen.row.length, `Gaussian ${n} is not seen`);
    at++;
  });
});
