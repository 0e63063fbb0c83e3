// Writes src/embedded.ts: the kernels and the tables of the format as text, so that the package fetches nothing.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const MOST_WASM_BYTES = 60_000;
const FORMAT = new URL("../../csgaussian_ns/format/", import.meta.url);
const TABLES = { symbols: "symbols.bin", steps: "steps.bin", logSteps: "log_steps.bin", sines: "sines.bin" };

const kernels = readFileSync(new URL("../build/kernels.wasm", import.meta.url));
if (kernels.length > MOST_WASM_BYTES) throw new Error(`kernels: ${kernels.length} bytes, at most ${MOST_WASM_BYTES}`);

/** The functions that the kernels export, as methods of an interface. */
const functions = [
  ...readFileSync(new URL("../build/kernels.d.ts", import.meta.url), "utf8").matchAll(/export function (.*;)/g),
];

const text = readFileSync(new URL("FORMAT.md", FORMAT), "utf8");
const lines = ["// Made by scripts/embed.mjs.", "", `export const KERNELS: string = "${kernels.toString("base64")}";`, ""];
lines.push("export interface KernelExports {", "  readonly memory: WebAssembly.Memory;");
lines.push(...functions.map(([, signature]) => `  ${signature}`), "}", "");
lines.push("export const TABLES = {");
for (const [name, file] of Object.entries(TABLES)) {
  const bytes = readFileSync(new URL(`tables/${file}`, FORMAT));
  const digest = createHash("sha256").update(bytes).digest("hex");
  if (!text.includes(digest)) throw new Error(`${file}: FORMAT.md does not name the SHA-256 ${digest}`);
  lines.push(`  ${name}: "${bytes.toString("base64")}",`);
}
lines.push("};", "");
writeFileSync(new URL("../src/embedded.ts", import.meta.url), lines.join("\n"));
console.log(`kernels: ${kernels.length} bytes`);
