// META, and which sections a file of some sort has.

import assert from "node:assert/strict";
import { test } from "node:test";

import { contentDigest, Decoder, FormatError, UnsupportedVersion } from "../dist/index.js";
import { golden, goldenDigests, kernels, packed, sectionsOf } from "./material.mjs";

const decoder = Decoder.createSync();
const NAME = "v1_factorised.csg";
const sections = sectionsOf(decoder.open(golden(NAME)));
const META = JSON.parse(Buffer.from(decoder.open(golden(NAME)).content("META").bytes).toString());
const once = {
  critical: true,
  layer: 0,
  codec: 0,
  chunk: 0,
  symbols: 0,
  firstRow: 0,
  rows: 0,
  decodedCrc: 0,
  knownAnswerCrc: 0,
};

/** A section META with this text. */
function metaOf(text) {
  const body = new Uint8Array(Buffer.from(text));
  return { ...once, kind: "META", body, decodedCrc: kernels.crc(body) };
}

/** The golden file with another text in META. */
function withText(text, flags = 0) {
  return packed([metaOf(text), ...sections.filter(({ kind }) => kind !== "META")], 18, flags);
}

const withFacts = (facts, flags = 0) => withText(JSON.stringify({ ...META, ...facts }), flags);

/** So many lists inside each other. */
const nested = (depth) => JSON.parse("[".repeat(depth) + "]".repeat(depth));

test("what META holds, and unknown fields, do not change what is decoded", () => {
  const scene = decoder.decode(withFacts({ later: [1, { a: null }], name: "Täßchen", extra: { x: nested(31) } }));
  assert.equal(contentDigest(scene), goldenDigests[NAME].content);
  assert.equal(scene.facts.name, "Täßchen");
  const whole = `"feature_dim":${META.feature_dim}`;
  assert.equal(decoder.decode(withText(JSON.stringify(META).replace(whole, `${whole}.0`))).rows, 18);
});

test("facts that are missing, of another type or out of range are refused", () => {
  const strange = [
    ["voxel_size", 0],
    ["voxel_size", 1e-46],
    ["voxel_size", "1"],
    ["voxel_size", 1e30],
    ["feature_dim", 10.5],
    ["feature_dim", true],
    ["feature_dim", 1025],
    ["num_offsets", 33],
    ["num_offsets", 0],
    ["base_steps", [1, 1]],
    ["base_steps", [1, 1, 0]],
    ["background", [0, 0, null]],
    ["transform", {}],
    ["scale", -1],
    ["tool", "a\nb"],
    ["tool", "ü".repeat(128)],
    ["name", "\ud800"],
    ["name", 5],
    ["extra", []],
    ["extra", { x: nested(32) }],
    ["extra", { x: [1e30] }],
  ];
  for (const [field, value] of strange) {
    const told = `${field} ${JSON.stringify(value)}`;
    assert.throws(() => decoder.decode(withFacts({ [field]: value })), FormatError, told);
    assert.throws(() => decoder.decode(withFacts({ [field]: undefined })), FormatError, field);
  }
});

test("what is no JSON object is refused", () => {
  const texts = [
    "",
    "[]",
    "null",
    "{",
    '{"a":NaN}',
    "\ufeff{}",
    "[".repeat(60_000),
    JSON.stringify(META).replace("{", '{"x":1e999,'),
  ];
  for (const text of texts.slice(0, -1))
    assert.throws(() => decoder.decode(withText(text)), FormatError, text.slice(0, 9));
  assert.equal(decoder.decode(withText(texts.at(-1))).rows, 18, "unknown fields are not looked at");
  const latin = Buffer.from(JSON.stringify({ ...META, name: "x" })).map((byte) => (byte === 0x78 ? 0xff : byte));
  const body = new Uint8Array(latin);
  const meta = { ...once, kind: "META", body, decodedCrc: kernels.crc(body) };
  assert.throws(() => decoder.decode(packed([meta, ...sections.slice(1)], 18)), /UTF-8/);
});

test("a scene of what this reader does not know needs a newer one", () => {
  assert.throws(() => decoder.decode(withFacts({ representation: "meshes" }, 1)), UnsupportedVersion);
  for (const name of ["", "anchors", 5, undefined]) {
    assert.throws(() => decoder.decode(withFacts({ representation: name }, 1)), /representation/);
  }
  assert.equal(decoder.decode(withFacts({ representation: "meshes" })).rows, 18, "without the flag it is any field");
});

test("sections are there once, and none of other sorts of files", () => {
  const [meta, nete, ...others] = sections;
  assert.throws(() => decoder.decode(packed([meta, ...others], 18)), /NETE occurs 0 times/);
  for (const kind of ["SPLT", "PART"]) {
    const strange = { ...once, kind, layer: 1, body: Uint8Array.of(1) };
    assert.throws(() => decoder.decode(packed([...sections, strange], 18)), FormatError);
  }
  const colours = sections.findIndex(({ kind }) => kind === "COLR");
  assert.throws(
    () =>
      decoder.decode(
        packed(
          sections.filter((_, i) => i !== colours),
          18,
        ),
      ),
    FormatError,
  );
  assert.equal(contentDigest(decoder.decode(packed([nete, ...others, meta], 18))), goldenDigests[NAME].content);
});

test("a group inside of a group is refused, and so is a part that is cut", () => {
  const facts = { ...META, representation: "group", placements: [[1, 1, 0, 0, 0, 0, 0, 0]] };
  const group = (part) => {
    const body = new Uint8Array(part);
    const held = { ...once, kind: "PART", layer: 1, rows: 18, body, decodedCrc: kernels.crc(body) };
    return packed([metaOf(JSON.stringify(facts)), held], 18, 1);
  };
  const scene = decoder.decode(group(golden(NAME)));
  assert.equal(contentDigest(scene.parts[0]), goldenDigests[NAME].content);
  assert.throws(() => decoder.decode(group(group(golden(NAME)))), UnsupportedVersion);
  const semantic = golden("v1_semantics.csg");
  assert.throws(() => decoder.decode(group(semantic.subarray(0, semantic.length - 8))), FormatError);
  assert.throws(() => decoder.decode(group(golden("v1_one_anchor.csg"))), /rows/);
});
