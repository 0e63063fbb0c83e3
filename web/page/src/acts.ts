// What buttons and keys do, by their names.

import type { App } from "./app.js";
import { handOver, megabytes } from "./files.js";
import type { Tool } from "./handles.js";
import { find } from "./panel.js";
import { say, wordsOf } from "./shell.js";

/** Do what a button or a key says. */
export function act(app: App, what: string): void {
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
    larger: () => toChosen(() => resize(app, "larger")),
    smaller: () => toChosen(() => resize(app, "smaller")),
    focus: () => toChosen(() => app.focus(chosen)),
    rename: () => toChosen(() => panel.rename(chosen.at(-1)!)),
    colour: () => toChosen(askColour),
    search: () => panel.focusSearch(),
    help: () => help(!helping()),
    panel: () => panel.toggle(),
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

const helpPage = (): HTMLDialogElement => find(document, "#help-page") as HTMLDialogElement;

/** Whether the help is open, behind which nothing is to be done. */
export function helping(): boolean {
  return helpPage().open;
}

export function help(open: boolean): void {
  if (open) helpPage().showModal();
  else helpPage().close();
}

function takeTool({ picture }: App, tool: Tool): void {
  picture.tool = tool;
  if (tool !== "measure") picture.ruler.clear();
  document.querySelectorAll("[data-tool]").forEach((element) => {
    element.setAttribute("aria-pressed", String(element.getAttribute("data-tool") === tool));
  });
  picture.changed();
}

/** Select the whole that what is selected is a part of, or a part of it. */
function resize({ editing }: App, to: "larger" | "smaller"): void {
  const ids = editing[to];
  if (ids === undefined) say(to === "larger" ? "What is selected is no part of anything larger." : "It has no parts.", true);
  else editing.resize(ids);
}

function escape(app: App): void {
  if (app.picture.gizmo.dragging) app.picture.gizmo.cancel();
  else {
    app.picture.ruler.clear();
    app.select(0);
  }
}

/** Let somebody choose a colour; it begins next to the last one, as browsers do not tell of the same one again. */
function askColour(): void {
  const colour = find(document, "#colour") as HTMLInputElement;
  const last = parseInt(colour.value.slice(1), 16);
  colour.value = `#${(last ^ 1).toString(16).padStart(6, "0")}`;
  colour.click();
}

function screenshot({ picture, name }: App): void {
  picture.shot().toBlob((blob) => blob && handOver(blob, name.replace(/\.csg$/, "") + ".png", "image/png"));
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
  const { edits } = app;
  try {
    const bytes = await app.saved();
    handOver(bytes as BlobPart, app.name.replace(/(-edited)?\.csg$/, "") + "-edited.csg", "application/octet-stream");
    app.editing.kept(edits);
    const count = edits.length === 1 ? "1 edit" : `${edits.length} edits`;
    const away = app.editing.hidden.size;
    const seen = away === 0 ? "" : ` The file shows what is hidden here (${away}): remove objects to take them out.`;
    say(`Saved with ${count}, ${megabytes(bytes.length)}; nothing else in the file changed.${seen}`, away === 0);
  } catch (error) {
    say(`Not saved: ${wordsOf(error)}`);
  }
}
