// Mice, fingers and pens on the picture: turn, pan, zoom, click, double click.

export interface PointerActions {
  turn(dx: number, dy: number): void;
  pan(dx: number, dy: number): void;
  zoom(factor: number): void;
  click(x: number, y: number, also: boolean): void;
  doubleClick(x: number, y: number): void;
}

const STILL_PIXELS = 5;
const WHEEL = 0.0012;
const DOUBLE_MS = 350;

/** Listen on an element; coordinates are its own, in pixels of the page. */
export function listen(element: HTMLElement, actions: PointerActions): void {
  const down = new Map<number, { x: number; y: number }>();
  let travelled = 0;
  let lastClick = { time: -Infinity, x: 0, y: 0 };

  const spread = (): { x: number; y: number; apart: number } => {
    const [a, b] = [...down.values()];
    return { x: (a!.x + b!.x) / 2, y: (a!.y + b!.y) / 2, apart: Math.hypot(a!.x - b!.x, a!.y - b!.y) || 1 };
  };

  element.addEventListener("contextmenu", (event) => event.preventDefault());
  element.addEventListener("pointerdown", (event) => {
    element.setPointerCapture(event.pointerId);
    if (down.size === 0) travelled = 0;
    down.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  });
  element.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (before === undefined) return;
    const [dx, dy] = [event.offsetX - before.x, event.offsetY - before.y];
    travelled += Math.hypot(dx, dy);
    const old = down.size === 2 ? spread() : undefined;
    down.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    if (old) {
      const now = spread();
      actions.zoom(old.apart / now.apart);
      actions.pan(now.x - old.x, now.y - old.y);
    } else if (event.buttons & 6 || event.shiftKey) actions.pan(dx, dy);
    else actions.turn(dx, dy);
  });
  const up = (event: PointerEvent): void => {
    const alone = down.size === 1 && down.delete(event.pointerId);
    down.delete(event.pointerId);
    if (!alone || event.type !== "pointerup" || event.button !== 0 || travelled > STILL_PIXELS) return;
    const [x, y] = [event.offsetX, event.offsetY];
    const twice = event.timeStamp - lastClick.time < DOUBLE_MS && Math.hypot(x - lastClick.x, y - lastClick.y) < STILL_PIXELS;
    lastClick = { time: twice ? -Infinity : event.timeStamp, x, y };
    if (twice) actions.doubleClick(x, y);
    else actions.click(x, y, event.shiftKey || event.ctrlKey || event.metaKey);
  };
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const pixels = event.deltaMode === 1 ? event.deltaY * 30 : event.deltaY;
      actions.zoom(Math.exp(Math.min(300, Math.max(-300, pixels)) * WHEEL));
    },
    { passive: false },
  );
}
