// What people do, by pointers, keys, buttons and files that they drop.

import type { App } from "./app.js";
import { handOver, megabytes } from "./files.js";
import type { Tool } from "./handles.js";
import { actionOf, FLY_KEYS } from "./keys.js";
import { find } from "./panel.js";
import { listen } from "./pointers.js";
import { fail, say } from "./shell.js";

/** Listen to what people do to the page, and do it. */
export function doer(app: App): void {
  const { picture } = app;
  listen(find(document, "#scene"), {
    turn: (dx, dy) => picture.fly((flight) => flight.turn(dx, dy)),
    pan: (dx, dy) => picture.fly((flight) => flight.pan(dx, dy, find(document, "#stage").clientHeight)),
    zoom: (factor) => picture.fly((flight) => flight.zoom(factor)),
    click: (x, y, also) => void click(app, x * picture.sharpness, y * picture.sharpness, also),
    doubleClick: (x, y) => void approach(app, x * picture.sharpness, y * picture.sharpness),
  });
  addEventListener("resize", () => picture.moved());
  addEventListener("blur", () => picture.rest());
  addEventListener("keydown", (event) => key(app, event));
  addEventListener("keyup", (event) => picture.hold(event.code, false));
  document.addEventListener("click", (event) => {
    const told = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-do]") : null;
    if (told) act(app, told.dataset["do"]!);
  });
  const take = (file: File | undefined): void => {
    if (file) app.open(file, file.name).catch(fail);
  };
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer?.files[0]);
  });
  const picker = find(document, "#file") as HTMLInputElement;
  picker.addEventListener("change", () => take(picker.files?.[0]));
  const divider = find(document, "#divider") as HTMLInputElement;
  divider.addEventListener("input", () => find(document, "#stage").style.setProperty("--divider", `${divider.value}%`));
  const colour = find(document, "#colour") as HTMLInputElement;
  colour.addEventListener("change", () => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.value.slice(at, at + 2), 16) / 255);
    if (app.selected.length > 0) app.make({ do: "recolour", objects: app.selected, colour: [r!, g!, b!] });
  });
}

async function click(app: App, x: number, y: number, also: boolean): Promise<void> {
  if (!app.told) return;
  const { object, place } = await app.pick(x, y);
  if (app.picture.tool === "measure") {
    if (place) app.picture.ruler.add(place);
    app.picture.changed();
    return;
  }
  if (object > 0 || !also) app.select(object, also);
}

async function approach(app: App, x: number, y: number): Promise<void> {
  if (!app.told) return;
  const { place } = await app.pick(x, y);
  if (place) app.picture.fly((flight) => flight.focusOn(place));
}

function key(app: App, event: KeyboardEvent): void {
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
  const action = actionOf(event);
  if (action === undefined) return;
  event.preventDefault();
  act(app, action);
}

/** Do what a button or a key says. */
function act(app: App, what: string): void {
  const { editing, picture, panel } = app;
  const chosen = [...app.selected];
  const toChosen = (work: () => void): void => {
    if (chosen.length > 0) work();
    else if (app.objects.length > 0) say("Select an object first: click it, or its name.", true);
  };
  const actions: Readonly<Record<string, () => void>> = {
    undo: () => app.undo(),
    redo: () => app.redo(),
    remove: () => toChosen(() => app.make({ do: "remove", objects: chosen })),
    hide: () => toChosen(() => editing.hide(chosen, true)),
    isolate: () => toChosen(() => editing.isolate(chosen)),
    "show-all": () => editing.hide([...editing.hidden], false),
    focus: () => toChosen(() => app.focus(chosen)),
    rename: () => toChosen(() => panel.rename(chosen.at(-1)!)),
    colour: () => toChosen(() => find(document, "#colour").click()),
    search: () => panel.focusSearch(),
    help: () => document.body.classList.toggle("helping"),
    panel: () => document.body.classList.toggle("wide"),
    home: () => picture.home(),
    escape: () => escape(app),
    open: () => find(document, "#file").click(),
    screenshot: () => screenshot(app),
    link: () => void link(app),
    save: () => void save(app),
    dismiss: () => say(""),
  };
  if (what.startsWith("tool-")) takeTool(app, what.slice(5) as Tool);
  else actions[what]?.();
}

function takeTool({ picture }: App, tool: Tool): void {
  picture.tool = tool;
  if (tool !== "measure") picture.ruler.clear();
  document.querySelectorAll("[data-tool]").forEach((element) => {
    element.setAttribute("aria-pressed", String(element.getAttribute("data-tool") === tool));
  });
  picture.changed();
}

function escape(app: App): void {
  if (document.body.classList.contains("helping")) document.body.classList.remove("helping");
  else if (app.picture.gizmo.dragging) app.picture.gizmo.cancel();
  else {
    app.picture.ruler.clear();
    app.select(0);
  }
}

function screenshot({ picture, name }: App): void {
  picture.draw();
  const canvas = find(document, "#scene") as HTMLCanvasElement;
  canvas.toBlob((blob) => blob && handOver(blob, name.replace(/\.csg$/, "") + ".png", "image/png"));
}

async function link({ picture }: App): Promise<void> {
  const address = new URL(location.href);
  address.hash = `camera=${picture.place}`;
  history.replaceState(null, "", address);
  try {
    await navigator.clipboard.writeText(address.href);
    say("A link to this view is in the clipboard.", true);
  } catch {
    say("The address of the page is a link to this view now.", true);
  }
}

async function save(app: App): Promise<void> {
  try {
    const bytes = await app.saved();
    handOver(bytes as BlobPart, app.name.replace(/(-edited)?\.csg$/, "") + "-edited.csg", "application/octet-stream");
    const count = app.edits.length === 1 ? "1 edit" : `${app.edits.length} edits`;
    const away = app.editing.hidden.size;
    const seen = away === 0 ? "" : ` The file shows what is hidden here (${away}): remove objects to take them out.`;
    say(`Saved with ${count}, ${megabytes(bytes.length)}; nothing else in the file changed.${seen}`, away === 0);
  } catch (error) {
    say(`Not saved: ${error instanceof Error ? error.message : String(error)}`);
  }
}
