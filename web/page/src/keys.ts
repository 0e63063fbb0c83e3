// What keys mean.

/** To the right, up, ahead while they are down. */
export const FLY_KEYS: Readonly<Record<string, readonly [number, number, number]>> = {
  KeyW: [0, 0, 1],
  KeyS: [0, 0, -1],
  KeyA: [-1, 0, 0],
  KeyD: [1, 0, 0],
  KeyE: [0, 1, 0],
  KeyQ: [0, -1, 0],
  ArrowUp: [0, 0, 1],
  ArrowDown: [0, 0, -1],
  ArrowLeft: [-1, 0, 0],
  ArrowRight: [1, 0, 0],
};

const PLAIN: Readonly<Record<string, string>> = {
  "0": "home",
  "1": "tool-select",
  "2": "tool-move",
  "3": "tool-rotate",
  "4": "tool-scale",
  "5": "tool-measure",
  Delete: "remove",
  Backspace: "remove",
  h: "hide",
  H: "show-all",
  i: "isolate",
  f: "focus",
  n: "rename",
  "+": "larger",
  "-": "smaller",
  "/": "search",
  "?": "help",
  p: "screenshot",
  Escape: "escape",
};

/** What to do at a key, by the names of `data-do`; undefined where it means nothing to us. */
export function actionOf(event: KeyboardEvent): string | undefined {
  if (event.altKey) return undefined;
  if (!(event.ctrlKey || event.metaKey)) return PLAIN[event.key];
  if (event.code === "KeyZ") return event.shiftKey ? "redo" : "undo";
  return event.code === "KeyY" ? "redo" : event.code === "KeyS" ? "save" : undefined;
}
