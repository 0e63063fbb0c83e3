// What the page says beside its picture: titles, progress, short messages, and why nothing can be shown.

import { megabytes } from "./files.js";
import type { Told } from "./messages.js";
import { find } from "./panel.js";

const GOOD_NEWS_MS = 6000;

/** What is open now. */
export function entitle(told: Told, file: string, size: number): void {
  document.body.classList.remove("failed", "inviting", "broken");
  document.body.classList.add("open");
  document.body.classList.toggle("whole", told.whole);
  document.title = `${told.name || file} · csgaussian`;
  find(document, "#title").textContent = told.name || file;
  const kind = told.representation === "anchors" ? `${told.rows.toLocaleString("en")} anchors, ` : "";
  find(document, "#facts").textContent = `${megabytes(size)} · ${kind}${told.gaussians.toLocaleString("en")} Gaussians`;
}

/** A file of which some bytes are still on their way. */
export function arriving(bytes: number, all: number): void {
  const whole = bytes >= all;
  document.body.classList.toggle("arriving", !whole);
  find(document, "#arrived").textContent = whole ? "" : `${megabytes(bytes)} of ${megabytes(all)}`;
  find(document, "#arriving").style.setProperty("--share", String(all > 0 ? bytes / all : 1));
}

/** Work that goes on, in words and as a share; nothing of both when it is done. */
export function report(text: string, share?: number): void {
  find(document, "#status").textContent = text;
  find(document, "#bar").style.setProperty("--share", String(share ?? 1));
  document.body.classList.toggle("busy", text !== "");
}

let away = 0;

/** A sentence that stays until it is dismissed, or for a while where it is good news; an empty one takes it away. */
export function say(message: string, good = false): void {
  const toast = find(document, "#toast");
  find(toast, "#message").textContent = message;
  toast.classList.toggle("shown", message !== "");
  toast.classList.toggle("good", good);
  clearTimeout(away);
  if (good) away = setTimeout(() => say(""), GOOD_NEWS_MS);
}

/** Ask for a file. */
export function invite(): void {
  document.body.classList.add("inviting");
  report("");
}

/** Nothing can be shown: say why. */
export function fail(error: unknown): void {
  document.body.classList.remove("busy", "inviting", "open", "whole", "arriving", "broken", "comparing");
  document.body.classList.add("failed");
  find(document, "#failure").textContent = wordsOf(error);
}

export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Which files are on which side; nothing where there is one. */
export function compare(left?: string, right?: string): void {
  document.body.classList.toggle("comparing", left !== undefined);
  find(document, "#left").textContent = left ?? "";
  find(document, "#right").textContent = right ?? "";
}
