// Files that are decoded while they arrive.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { blobSource, contentDigest, Decoder, FetchedSource, FormatError, httpSource, RequestError } from "../dist/index.js";
import { golden, goldenDigests, goldenNames, packed, sectionsOf } from "./material.mjs";

const decoder = Decoder.createSync();
const NAME = "v1_semantics.csg";
let address;
let server;
/** How the server behaves, and which ranges it was asked for. */
const KIND = { ranges: true, etag: '"1"', told: true, cut: false, silent: false };
const state = { ...KIND, asked: [] };

before(async () => {
  server = createServer((request, response) => {
    const name = request.url.slice(1);
    if (name === "empty.csg") return response.writeHead(request.headers.range ? 416 : 200).end();
    if (!goldenNames.includes(name) && name !== "large.csg") return response.writeHead(404).end();
    const bytes = name === "large.csg" ? large : golden(name);
    const [, start, end] = (/bytes=(\d+)-(\d+)/.exec(request.headers.range) ?? []).map(Number);
    const length = state.told ? { "content-length": bytes.length } : {};
    if (state.cut) return response.writeHead(200, length).write(bytes.subarray(0, 70_000), () => response.destroy());
    if (!state.ranges || start === undefined) return response.writeHead(200, length).end(bytes);
    state.asked.push([start, end]);
    const last = Math.min(end, bytes.length - 1);
    const range = state.silent ? {} : { "content-range": `bytes ${start}-${last}/${bytes.length}` };
    response.writeHead(206, { ...range, etag: state.etag }).end(bytes.subarray(start, last + 1));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${server.address().port}`;
});

/** A file whose bodies begin far behind its front. */
const large = (() => {
  const sections = sectionsOf(decoder.open(golden(NAME)));
  const body = new Uint8Array(100_000);
  return packed([{ ...sections[0], kind: "JUNK", critical: false, codec: 0, decodedCrc: 0, body }, ...sections], 18);
})();

after(() => server.close());

test("golden files, from a server and from a file", async () => {
  for (const name of goldenNames.filter((file) => file !== "v1_torchac.csg")) {
    const served = await decoder.stream(await httpSource(`${address}/${name}`));
    assert.equal(contentDigest(served), goldenDigests[name].content);
    const chosen = await decoder.stream(blobSource(new Blob([golden(name)])));
    assert.equal(contentDigest(chosen), goldenDigests[name].content);
  }
});

/** A source that tells which bytes it was asked for. */
function told(bytes) {
  const asked = [];
  return {
    size: bytes.length,
    asked,
    read: async (start, length) => (asked.push([start, start + length]), bytes.slice(start, start + length)),
  };
}

test("servers without ranges, and those that hide them, send the whole file", async () => {
  for (const kind of [{ ranges: false }, { ranges: false, told: false }, { silent: true }]) {
    Object.assign(state, KIND, kind);
    for (const name of [NAME, "large.csg"]) {
      const came = [];
      const source = new FetchedSource(await httpSource(`${address}/${name}`), (bytes) => came.push(bytes));
      assert.equal(contentDigest(await decoder.stream(source)), goldenDigests[NAME].content);
      const whole = name === NAME ? golden(NAME) : large;
      assert.deepEqual(await source.whole(), new Uint8Array(whole));
      assert.equal(source.bytes, whole.length);
      assert.deepEqual(came, [...came].sort((a, b) => a - b));
    }
  }
  Object.assign(state, KIND);
});

test("a page that may read, but not ask for ranges, gets the whole file", async () => {
  const refusing = (url, init) => (init?.headers ? Promise.reject(new TypeError("refused")) : fetch(url));
  const scene = await decoder.stream(await httpSource(`${address}/large.csg`, refusing));
  assert.equal(contentDigest(scene), goldenDigests[NAME].content);
});

test("progress comes chunk by chunk, and chunks alone can be had", async () => {
  const seen = [];
  await decoder.stream(blobSource(new Blob([golden(NAME)])), {
    progress: ({ done, total }) => seen.push([done, total]),
  });
  assert.deepEqual(seen, [
    [1, 2],
    [2, 2],
  ]);
  const second = await decoder.stream(blobSource(new Blob([golden(NAME)])), { chunks: [1] });
  assert.equal(second.rows, 6);
});

test("what is not there, and what changes, is told", async () => {
  const told = (type, words) => (error) => error instanceof type && words.test(error.message);
  await assert.rejects(httpSource(`${address}/none.csg`), told(RequestError, /404/));
  await assert.rejects(httpSource(`${address}/empty.csg`), told(RequestError, /is empty/));
  await assert.rejects(httpSource("http://127.0.0.1:9/x.csg"), told(RequestError, /CORS/));
  const source = await httpSource(`${address}/large.csg`);
  for (const kind of [{ etag: '"2"' }, { ranges: false }, { silent: true }]) {
    Object.assign(state, KIND, kind);
    await assert.rejects(decoder.stream(source), told(FormatError, /changed while it was read; load it again/));
  }
  Object.assign(state, KIND, { cut: true });
  await assert.rejects(
    httpSource(`${address}/large.csg`).then((cut) => decoder.stream(cut)),
    told(RequestError, /connection was lost after \d+ bytes/),
  );
  Object.assign(state, KIND);
  const bytes = golden(NAME);
  const shorter = {
    size: bytes.length,
    read: async (start, length) => bytes.slice(start, start + Math.min(length, 2000)),
  };
  await assert.rejects(decoder.stream(shorter), FormatError);
  assert.equal(contentDigest(decoder.decode(bytes)), goldenDigests[NAME].content, "the decoder works on");
});

test("a decoder that is busy says so", async () => {
  const stream = decoder.stream(blobSource(new Blob([golden(NAME)])));
  assert.throws(() => decoder.decode(golden(NAME)), RequestError);
  assert.equal(contentDigest(await stream), goldenDigests[NAME].content);
});

test("bodies are fetched when they are needed, side by side at once, and no others", async () => {
  const bytes = large;
  const { entries } = decoder.open(bytes);
  const span = (...kinds) => {
    const found = entries.filter(({ kind }) => kinds.includes(kind));
    return [found[0].offset, Math.ceil((found.at(-1).offset + found.at(-1).length) / 8) * 8];
  };
  const source = told(bytes);
  assert.equal(contentDigest(await decoder.stream(source)), goldenDigests[NAME].content);
  assert.deepEqual(source.asked[0], [0, 32768]);
  assert.deepEqual(source.asked[1], span("META", "NETE", "NETR"));
  assert.ok(
    source.asked.slice(1).every(([start]) => start >= entries[1].offset),
    "what is unknown is not fetched",
  );
  const colours = told(bytes);
  await decoder.stream(colours, { semantics: false, edits: false });
  assert.ok(colours.asked.every(([, end]) => end <= span("COLR")[1]));
});
