// Headers and tables of contents of golden files, and what a reader must refuse.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FormatError, LimitExceeded, UnsupportedVersion } from "../dist/base/errors.js";
import { DEFAULT_LIMITS } from "../dist/base/limits.js";
import { Container, sourceOf } from "../dist/container/container.js";
import { golden, goldenNames, kernels, sealed, vectors } from "./material.mjs";

const open = (bytes, limits = {}) => Container.open(sourceOf(bytes), kernels, { ...DEFAULT_LIMITS, ...limits });
const TOC = 64;

test("golden files open, and every body has its checksum", () => {
  for (const name of goldenNames) {
    const container = open(golden(name));
    assert.ok(container.entries.length > 0);
    for (const entry of container.entries) assert.equal(container.body(entry).length, entry.length);
  }
});

test("the table of contents is that of the vectors", () => {
  const { file, sections } = vectors("file");
  const { entries } = open(Buffer.from(file, "hex"));
  assert.equal(entries.length, sections.length);
  entries.forEach((entry, i) => {
    const { kind, layer, critical, chunk, codec, symbols, offset, length } = entry;
    const { first_row: firstRow, rows, decoded_crc: decoded, known_answer_crc: answer, ...others } = sections[i];
    assert.deepEqual({ kind, layer, critical, chunk, codec, symbols, offset, length }, others);
    assert.deepEqual(
      [entry.firstRow, entry.rows, entry.decodedCrc, entry.knownAnswerCrc],
      [firstRow, rows, decoded, answer],
    );
  });
});

test("other files, cut ones and long ones are refused", () => {
  const bytes = golden("v1_inr.csg");
  assert.throws(() => open(new Uint8Array(0)), FormatError);
  assert.throws(() => open(Buffer.from(`ply\nformat binary${" ".repeat(64)}`)), /PLY/);
  assert.throws(() => open(Buffer.concat([bytes, Buffer.alloc(8)])), /appended/);
  for (let length = 0; length < bytes.length; length += 97)
    assert.throws(() => open(bytes.subarray(0, length)), FormatError);
});

test("a file that lost its semantics opens, and says so", () => {
  const bytes = golden("v1_semantics.csg");
  const first = open(bytes).entries.find((entry) => entry.kind === "NETS");
  const container = open(bytes.subarray(0, first.offset + 8));
  assert.ok(container.cut);
  assert.equal(container.missing[0].kind, "NETS");
  assert.throws(() => open(bytes.subarray(0, first.offset - 8)), /fetch it again/);
});

test("what a newer reader is needed for is told apart from damage", () => {
  const changed = (at, value) => {
    const bytes = Buffer.from(golden("v1_inr.csg"));
    bytes[at] = value;
    return sealed(bytes);
  };
  assert.throws(() => open(changed(8, 2)), UnsupportedVersion);
  assert.throws(() => open(changed(12, 2)), UnsupportedVersion);
  assert.throws(() => open(changed(TOC + 4, 3)), UnsupportedVersion);
  assert.throws(() => open(changed(TOC, 0x58)), UnsupportedVersion);
  assert.throws(() => open(changed(TOC + 6, 3)), UnsupportedVersion);
  assert.doesNotThrow(() => open(changed(10, 9)));
  assert.doesNotThrow(() => open(changed(16, 255)));
  assert.doesNotThrow(() => open(changed(TOC + 5, 255)));
  for (const at of [48, TOC + 6, TOC + 12, TOC + 48, TOC + 52, TOC + 16, TOC + 24]) {
    assert.throws(() => open(changed(at, 1)), FormatError, `byte ${at}`);
  }
  const unsealed = Buffer.from(golden("v1_inr.csg"));
  unsealed[TOC + 40] ^= 1;
  assert.throws(() => open(unsealed), FormatError);
});

test("limits are kept", () => {
  const bytes = golden("v1_inr.csg");
  for (const limits of [{ maxFileBytes: 100 }, { maxSections: 2 }, { maxRows: 17 }, { maxSymbolsPerChunk: 10 }]) {
    assert.throws(() => open(bytes, limits), LimitExceeded);
  }
});

test("a body that is damaged is refused when it is read", () => {
  const bytes = Buffer.from(golden("v1_inr.csg"));
  const entry = open(bytes).entries.find(({ offset, length }) => (offset + length) % 8);
  bytes[entry.offset] ^= 1;
  assert.throws(() => open(bytes).body(entry), FormatError);
  bytes[entry.offset] ^= 1;
  bytes[entry.offset + entry.length] = 1;
  assert.throws(() => open(bytes).body(entry), /zeros/);
});
