// What people do, by pointers, keys, buttons and files that they drop.

import { act, help, helping } from "./acts.js";
import type { App } from "./app.js";
import { actionOf, FLY_KEYS } from "./keys.js";
import { find } from "./panel.js";
import { listen } from "./pointers.js";
import { fail, say } from "./shell.js";

const LEFT_UNSAVED = "What you changed is not saved. Open another file all the same?";

/** Listen to what people do to the page, and do it. */
export function doer(app: App): void {
  listenToPointers(app);
  listenToFiles(app);
  addEventListener("resize", () => app.picture.moved());
  addEventListener("blur", () => app.picture.rest());
  addEventListener("hashchange", () => app.picture.goTo(location.hash));
  addEventListener("beforeunload", (event) => app.editing.unsaved && event.preventDefault());
  addEventListener("keydown", (event) => key(app, event));
  addEventListener("keyup", (event) => app.picture.hold(event.code, false));
  document.addEventListener("click", (event) => {
    const told = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-do]") : null;
    if (told) act(app, told.dataset["do"]!);
    if (event.target === find(document, "#help-page")) help(false); // beside it
  });
  const colour = find(document, "#colour") as HTMLInputElement;
  colour.addEventListener("change", () => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.value.slice(at, at + 2), 16) / 255);
    if (app.selected.length > 0) app.make({ do: "recolour", objects: app.selected, colour: [r!, g!, b!] });
  });
}

function listenToPointers(app: App): void {
  const { picture } = app;
  listen(find(document, "#scene"), {
    turn: (dx, dy) => picture.fly((flight) => flight.turn(dx, dy)),
    pan: (dx, dy) => picture.fly((flight) => flight.pan(dx, dy, find(document, "#stage").clientHeight)),
    zoom: (factor) => picture.fly((flight) => flight.zoom(factor)),
    click: (x, y, also) => void click(app, x * picture.sharpness, y * picture.sharpness, also),
    doubleClick: (x, y) => void approach(app, x * picture.sharpness, y * picture.sharpness),
  });
}

function listenToFiles(app: App): void {
  const take = (file: File | undefined): void => {
    if (file && (!app.editing.unsaved || confirm(LEFT_UNSAVED))) app.open(file, file.name).catch(fail);
  };
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer?.files[0]);
  });
  const picker = find(document, "#file") as HTMLInputElement;
  picker.addEventListener("change", () => {
    const [file] = picker.files ?? [];
    picker.value = ""; // so that the same one can be chosen again
    take(file);
  });
}

async function click(app: App, x: number, y: number, also: boolean): Promise<void> {
  if (!app.told) return;
  const { object, place, other } = await app.pick(x, y);
  if (app.picture.tool === "measure") {
    if (place) app.picture.ruler.add(place);
    app.picture.changed();
    return;
  }
  if (other !== undefined) {
    const name = app.picture.comparison?.nameOf(object);
    return say(name ? `${name}, in ${other}. Objects are selected and edited left of the slider.` : "", true);
  }
  if (object > 0 || !also) app.select(object, also);
}

async function approach(app: App, x: number, y: number): Promise<void> {
  if (!app.told) return;
  const { place } = await app.pick(x, y);
  if (place) app.picture.fly((flight) => flight.focusOn(place));
}

function key(app: App, event: KeyboardEvent): void {
  const action = actionOf(event);
  if (helping()) {
    if (action === "help") act(app, action); // Escape closes it by itself
    return;
  }
  if (event.target instanceof HTMLInputElement && event.target.type !== "range") {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.code in FLY_KEYS && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (event.target instanceof HTMLInputElement) return; // arrows move the slider
    event.preventDefault();
    app.picture.hold(event.code, true);
    return;
  }
  if (action === undefined) return;
  event.preventDefault();
  act(app, action);
}
