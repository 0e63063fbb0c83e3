// Scenes that workers decode together.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";

import { contentDigest, FormatError, RequestError, UnsupportedVersion, WorkerPool } from "../dist/index.js";
import { golden, goldenDigests, goldenNames } from "./material.mjs";

const workers = [];

/** A worker, seen through a port. */
function started() {
  const { port1, port2 } = new MessageChannel();
  workers.push(
    new Worker(new URL("programs/worker.mjs", import.meta.url), { workerData: port2, transferList: [port2] }),
    port1,
  );
  return port1;
}

const pool = await WorkerPool.create([started(), started()]);

after(() => workers.forEach((one) => (one.terminate ?? one.close).call(one)));

test("golden files", async () => {
  for (const name of goldenNames.filter((file) => file !== "v1_torchac.csg")) {
    const bytes = golden(name);
    const scene = await pool.decode(bytes);
    assert.equal(contentDigest(scene), goldenDigests[name].content, name);
    assert.equal(bytes.length, golden(name).length, "the caller's bytes stay");
  }
});

test("several at once, with progress, and without semantics", async () => {
  const seen = [];
  const wanted = { progress: ({ done, total }) => seen.push(`${done} of ${total}`) };
  const [first, second] = await Promise.all([
    pool.decode(golden("v1_semantics.csg"), wanted),
    pool.decode(golden("v1_inr.csg")),
  ]);
  assert.equal(contentDigest(first), goldenDigests["v1_semantics.csg"].content);
  assert.equal(contentDigest(second), goldenDigests["v1_inr.csg"].content);
  assert.deepEqual(seen, ["1 of 2", "2 of 2"]);
  const bare = await pool.decode(golden("v1_semantics.csg"), { semantics: false });
  assert.equal(contentDigest(bare), goldenDigests["v1_inr.csg"].content);
  assert.equal((await pool.decode(golden("v1_semantics.csg"), { chunks: [1] })).rows, 6);
});

test("errors come back as what they are", async () => {
  await assert.rejects(pool.decode(golden("v1_torchac.csg")), UnsupportedVersion);
  await assert.rejects(pool.decode(golden("v1_inr.csg"), { chunks: [0, 7] }), RequestError);
  const bytes = golden("v1_inr.csg");
  bytes[bytes.length - 9] ^= 255;
  await assert.rejects(pool.decode(bytes), FormatError);
  assert.equal(contentDigest(await pool.decode(golden("v1_inr.csg"))), goldenDigests["v1_inr.csg"].content);
});

test("chunks go to workers as they arrive", async () => {
  const bytes = golden("v1_semantics.csg");
  const asked = [];
  const read = async (start, length) => (asked.push(start), bytes.slice(start, start + length));
  const seen = [];
  const scene = await pool.stream({ size: bytes.length, read }, { progress: ({ scene: there }) => seen.push(there.rows) });
  assert.equal(contentDigest(scene), goldenDigests["v1_semantics.csg"].content);
  assert.deepEqual(seen, [12, 18]);
  assert.ok(asked.length > 0);
  const failing = async (start, length) => (start > 0 ? Promise.reject(new RequestError("away")) : read(start, length));
  const large = { size: 40_000, read: failing, front: bytes.subarray(0, 2000) };
  await assert.rejects(pool.stream(large), RequestError);
});
