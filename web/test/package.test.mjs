// What the package is made of, and what stays out of it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WEB = new URL("../", import.meta.url);
const MOST_LINES = 300;
const MOST_WASM_BYTES = 60_000;
const text = (path) => readFileSync(new URL(path, WEB), "utf8");

test("the lock file names no host", () => {
  assert.doesNotMatch(text("package-lock.json"), /:\/\//);
});

test("nothing is needed at run time", () => {
  const { dependencies, peerDependencies, optionalDependencies } = JSON.parse(text("package.json"));
  assert.deepEqual([dependencies, peerDependencies, optionalDependencies], [undefined, undefined, undefined]);
});

test("kernels are small", () => {
  assert.ok(statSync(new URL("build/kernels.wasm", WEB)).size <= MOST_WASM_BYTES);
});

test("npm would publish the built package alone", () => {
  const options = { cwd: fileURLToPath(WEB), encoding: "utf8" };
  const [packed] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], options));
  const strange = packed.files
    .map(({ path }) => path)
    .filter((path) => !/^(dist\/|package\.json|README\.md|LICENSE)/.test(path));
  assert.deepEqual(strange, []);
  assert.ok(packed.files.some(({ path }) => path === "dist/index.d.ts"));
});

test("files are short", () => {
  const files = ["assembly", "src", "page/src", "scripts", "test"].flatMap((folder) =>
    readdirSync(new URL(folder, WEB), { recursive: true }).map((name) => `${folder}/${name}`),
  );
  const long = files
    .filter((path) => /\.(ts|mjs)$/.test(path) && path !== "src/embedded.ts")
    .filter((path) => text(path).split("\n").length > MOST_LINES);
  assert.deepEqual(long, []);
});
