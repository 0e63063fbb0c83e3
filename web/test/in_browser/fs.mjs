// As much of node:fs as the tests use, from a server that serves the checkout and lists its folders.

/** Text, or bytes, at once: tests read when they are loaded. */
export function readFileSync(address, encoding) {
  const request = new XMLHttpRequest();
  request.open("GET", address, false);
  request.overrideMimeType(encoding === undefined ? "text/plain; charset=x-user-defined" : "text/plain; charset=utf-8");
  request.send();
  if (request.status !== 200) throw new Error(`${address}: the server answers ${request.status}`);
  const text = request.responseText;
  return encoding === undefined ? Uint8Array.from(text, (letter) => letter.charCodeAt(0) & 255) : text;
}

export function readdirSync(address) {
  return [...readFileSync(address, "utf8").matchAll(/href="([^"?/]+)"/g)].map(([, name]) => decodeURIComponent(name));
}
