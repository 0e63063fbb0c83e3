// Files that are decoded while they arrive.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

import { blobSource, contentDigest, Decoder, FormatError, httpSource, RequestError } from "../dist/index.js";
import { golden, goldenDigests, goldenNames, packed, sectionsOf } from "./material.mjs";

const decoder = Decoder.createSync();
const NAME = "v1_semantics.csg";
let address;
let server;
/** How the server behaves, and which ranges it was asked for. */
const state = { ranges: true, etag: '"1"', asked: [] };

before(async () => {
  server = createServer((request, response) => {
    const name = request.url.slice(1);
    if (!goldenNames.includes(name)) return response.writeHead(404).end();
    const bytes = golden(name);
    const [, start, end] = /bytes=(\d+)-(\d+)/.exec(request.headers.range) ?? [];
    if (!state.ranges || start === undefined) return response.writeHead(200).end(bytes);
    state.asked.push([Number(start), Number(end)]);
    const range = `bytes ${start}-${end}/${bytes.length}`;
    response
      .writeHead(206, { "content-range": range, etag: state.etag })
      .end(bytes.subarray(Number(start), Number(end) + 1));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${server.address().port}`;
});

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

test("a server without ranges sends the whole file", async () => {
  state.ranges = false;
  const scene = await decoder.stream(await httpSource(`${address}/${NAME}`));
  assert.equal(contentDigest(scene), goldenDigests[NAME].content);
  state.ranges = true;
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
  await assert.rejects(
    httpSource(`${address}/none.csg`),
    (error) => error instanceof RequestError && /404/.test(error.message),
  );
  await assert.rejects(
    httpSource("http://127.0.0.1:9/x.csg"),
    (error) => error instanceof RequestError && /CORS/.test(error.message),
  );
  const source = await httpSource(`${address}/${NAME}`);
  state.etag = '"2"';
  await assert.rejects(
    decoder.stream(source),
    (error) => error instanceof FormatError && /changed/.test(error.message),
  );
  state.etag = '"1"';
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
  const sections = sectionsOf(decoder.open(golden(NAME)));
  const unknown = {
    ...sections[0],
    kind: "JUNK",
    critical: false,
    codec: 0,
    decodedCrc: 0,
    body: new Uint8Array(100_000),
  };
  const bytes = packed([unknown, ...sections], 18);
  const { entries } = decoder.open(bytes);
  const span = (...kinds) => {
    const found = entries.filter(({ kind }) => kinds.includes(kind));
    return [found[0].offset, Math.ceil((found.at(-1).offset + found.at(-1).length) / 8) * 8];
  };
  const source = told(bytes);
  assert.equal(contentDigest(await decoder.stream(source)), goldenDigests[NAME].content);
  assert.deepEqual(source.asked[0], [0, 65536]);
  assert.deepEqual(source.asked[1], span("META", "NETE", "NETR"));
  assert.ok(
    source.asked.slice(1).every(([start]) => start >= entries[1].offset),
    "what is unknown is not fetched",
  );
  const colours = told(bytes);
  await decoder.stream(colours, { semantics: false, edits: false });
  assert.ok(colours.asked.every(([, end]) => end <= span("COLR")[1]));
});
