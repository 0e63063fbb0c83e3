// What the tests share: golden files and vectors of the repository, and files with a checksum made anew.

import { readdirSync, readFileSync } from "node:fs";

import { Kernels } from "../dist/base/kernels.js";

const ROOT = new URL("../../", import.meta.url);
const GOLDEN = new URL("tests/golden/", ROOT);

export const kernels = Kernels.createSync();

export const goldenNames = readdirSync(GOLDEN)
  .filter((name) => name.endsWith(".csg"))
  .sort();

/** SHA-256 of what golden files decode to. */
export const goldenDigests = JSON.parse(readFileSync(new URL("digests.json", GOLDEN), "utf8"));

/** The bytes of a golden file. */
export function golden(name) {
  return new Uint8Array(readFileSync(new URL(name, GOLDEN)));
}

/** The vectors of FORMAT.md, section 14. */
export function vectors(name) {
  return JSON.parse(readFileSync(new URL(`csgaussian_ns/format/vectors/${name}.json`, ROOT), "utf8"));
}

/** The same file with the checksum of its front made to fit. */
export function sealed(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = Math.min(bytes.length, 64 + 56 * view.getUint32(20, true));
  view.setUint32(44, 0, true);
  view.setUint32(44, kernels.crc(bytes.subarray(0, end)), true);
  return bytes;
}

/** The bytes of a file with these sections: fields of the table of contents, and `body`. */
export function packed(sections, rows, flags = 0) {
  const end = 64 + 56 * sections.length;
  const padded = sections.map(({ body }) => Math.ceil(body.length / 8) * 8);
  const bytes = new Uint8Array(padded.reduce((sum, length) => sum + length, end));
  const view = new DataView(bytes.buffer);
  bytes.set([0x89, 0x43, 0x53, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1]);
  view.setUint32(12, flags, true);
  view.setUint32(20, sections.length, true);
  view.setBigUint64(24, BigInt(bytes.length), true);
  view.setBigUint64(32, 64n, true);
  view.setUint32(40, rows, true);
  let offset = end;
  sections.forEach((section, i) => {
    const at = 64 + 56 * i;
    bytes.set(Buffer.from(section.kind), at);
    view.setUint16(at + 4, section.critical ? 1 : 0, true);
    bytes.set([section.layer, section.codec], at + 6);
    const fields = [
      [8, "chunk"],
      [12, "symbols"],
      [32, "firstRow"],
      [36, "rows"],
      [44, "decodedCrc"],
      [48, "knownAnswerCrc"],
    ];
    for (const [place, name] of fields) view.setUint32(at + place, section[name], true);
    view.setBigUint64(at + 16, BigInt(offset), true);
    view.setBigUint64(at + 24, BigInt(section.body.length), true);
    view.setUint32(at + 40, kernels.crc(section.body), true);
    bytes.set(section.body, offset);
    offset += padded[i];
  });
  return sealed(bytes);
}

/** The sections of a golden file, to be changed and packed again. */
export function sectionsOf(container) {
  return container.entries.map((entry) => ({ ...entry, body: container.body(entry) }));
}
