// What a page that was opened for tests does when it is asked to. Answers are put into `window.found` as they come.

import { contentDigest, Decoder, httpSource, WorkerPool } from "../../dist/index.js";
import { told, unpacked } from "../../scripts/told.mjs";
import { Buffer } from "./buffer.mjs";
import { gathered } from "./tests.mjs";

const PAUSE_MS = 200;

window.Buffer = Buffer;
window.found = {};

/** Do one after the other, and let the page breathe. */
async function each(name, things, work) {
  const answers = [];
  let last = performance.now();
  for (const thing of things) {
    answers.push(await work(thing));
    if (performance.now() - last < PAUSE_MS) continue;
    await new Promise((then) => setTimeout(then));
    last = performance.now();
  }
  window.found[name] = answers;
}

const saidOf = async (work) => {
  try {
    return (await work()) ?? "";
  } catch (error) {
    return `${error.name}: ${error.stack ?? error.message}`;
  }
};

/** Files of the tests of Node; each test with what went wrong, if anything. */
window.runTests = async (files) => {
  for (const file of files) await import(`../${file}`);
  await each("tests", gathered, async ({ name, work }) => [name, await saidOf(work)]);
};

/** Files in one: what comes out of each. */
window.decodeAll = async (name, address, limits) => {
  const decoder = await Decoder.create();
  const packed = new Uint8Array(await (await fetch(address)).arrayBuffer());
  await each(name, unpacked(packed), (bytes) => told(decoder, bytes, limits));
};

/** Digests of files by address: decoded by workers, and while they arrive. */
window.decodeOtherwise = async (addresses) => {
  const decoder = await Decoder.create();
  const workers = [0, 1].map(() => new Worker(new URL("worker.mjs", import.meta.url), { type: "module" }));
  const pool = await WorkerPool.create(workers);
  await each("otherwise", addresses, async (address) => {
    const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
    return [
      await saidOf(async () => contentDigest(await pool.decode(bytes))),
      await saidOf(async () => contentDigest(await decoder.stream(await httpSource(new URL(address, location.href).href)))),
    ];
  });
  workers.forEach((worker) => worker.terminate());
};
