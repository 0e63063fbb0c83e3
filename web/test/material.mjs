// What the tests share: golden files and vectors of the repository, and files with a checksum made anew.

import { readdirSync, readFileSync } from "node:fs";

import { Kernels } from "../dist/base/kernels.js";

const ROOT = new URL("../../", import.meta.url);
const GOLDEN = new URL("tests/golden/", ROOT);

export const kernels = Kernels.createSync();

export const goldenNames = readdirSync(GOLDEN).filter((name) => name.endsWith(".csg")).sort();

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
