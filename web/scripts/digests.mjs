// Decodes files and tells what came out, one line of JSON each: for tests and measurements outside of Node.
//
//     node scripts/digests.mjs FILE ...           digest, rows, edits, or the error
//     node scripts/digests.mjs --repeat 5 FILE    and the fewest CPU seconds of so many runs
//     node scripts/digests.mjs --packed FILE      many files in one: u32 length and bytes, one after the other

import { readFileSync } from "node:fs";

import { Decoder } from "../dist/index.js";
import { told, unpacked } from "./told.mjs";

const arguments_ = process.argv.slice(2);
const option = (name) => {
  const at = arguments_.indexOf(name);
  return at < 0 ? undefined : arguments_.splice(at, 2)[1];
};
const repeats = Number(option("--repeat") ?? 0);
const packed = option("--packed");
const limits = JSON.parse(option("--limits") ?? "{}");
const decoder = await Decoder.create();

function* contents() {
  for (const path of arguments_) yield new Uint8Array(readFileSync(path));
  if (packed !== undefined) yield* unpacked(new Uint8Array(readFileSync(packed)));
}

/** The fewest CPU seconds, and seconds, of some runs. */
function measured(bytes) {
  const runs = Array.from({ length: repeats }, () => {
    const [cpu, start] = [process.cpuUsage(), performance.now()];
    decoder.decode(bytes, { limits });
    const { user, system } = process.cpuUsage(cpu);
    return { cpu: (user + system) / 1e6, wall: (performance.now() - start) / 1e3 };
  });
  return { cpuSeconds: Math.min(...runs.map(({ cpu }) => cpu)), seconds: Math.min(...runs.map(({ wall }) => wall)) };
}

for (const bytes of contents()) {
  const answer = told(decoder, bytes, limits);
  console.log(JSON.stringify(repeats > 0 && answer.digest ? { ...answer, ...measured(bytes) } : answer));
}
