// @ts-check
/**
 * A map of images in a frame: to pan and zoom by mouse, fingers and keys. It is a part of the page that
 * `nearsight map --html` writes and of the served page (web/).
 *
 * The frame brings its role, label and tabindex. Where images would lie over each other only the first of them is
 * shown, the others are dots until there is room.
 *
 * @typedef {object} Place
 * @property {number} x across, 0..1
 * @property {number} y down, 0..1
 * @property {number} ratio width / height of the image
 * @property {string} source the image's address; empty: it is always a dot
 *
 * @typedef {object} Options
 * @property {(at: number) => void} tell hears which place is looked at, -1 for none
 * @property {(at: number) => void} [choose] hears which place was clicked, or chosen by Enter
 */

const GAP = 3;
const REACH = 10;
const CLOSEST = 400;
const STEPS = /** @type {Record<string, [number, number]>} */ ({
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
});

/** Width and height of an image on the map: all are about as large.
 * @param {number} ratio @param {number} side @returns {[number, number]} */
function sized(ratio, side) {
  const root = Math.sqrt(Math.min(2.5, Math.max(0.4, ratio || 1)));
  return [side * root, side / root];
}

/** Which places can be shown as images, the first ones first, without one lying over another.
 * @param {Place[]} places @param {(at: number) => [number, number]} locate @param {number} side */
export function thinned(places, locate, side) {
  const cell = side * 1.6 + GAP;
  const cells = /** @type {Map<string, number[][]>} */ (new Map());
  const shown = /** @type {Set<number>} */ (new Set());
  places.forEach(({ ratio, source }, at) => {
    if (!source) return;
    const [x, y] = locate(at);
    const [width, height] = sized(ratio, side);
    const column = Math.floor(x / cell);
    const row = Math.floor(y / cell);
    for (let i = column - 1; i <= column + 1; i++) {
      for (let j = row - 1; j <= row + 1; j++) {
        const near = cells.get(`${i},${j}`) ?? [];
        if (near.some(([u = 0, v = 0, w = 0, h = 0]) => Math.abs(u - x) < (w + width) / 2 + GAP && Math.abs(v - y) < (h + height) / 2 + GAP)) return;
      }
    }
    const key = `${column},${row}`;
    cells.set(key, [...(cells.get(key) ?? []), [x, y, width, height]]);
    shown.add(at);
  });
  return shown;
}

/** @param {string} source */
function made(source) {
  const image = new Image();
  image.alt = "";
  image.draggable = false;
  image.style.cssText = "position: absolute; max-width: none; object-fit: cover; pointer-events: auto";
  image.src = source;
  return image;
}

/** Show places in a frame; the most important first.
 * @param {HTMLElement} frame @param {Place[]} places @param {Options} options */
export function showMap(frame, places, { tell, choose }) {
  const canvas = document.createElement("canvas");
  const layer = document.createElement("div");
  for (const each of [canvas, layer]) each.style.cssText = "position: absolute; inset: 0; width: 100%; height: 100%; pointer-events: none";
  layer.style.overflow = "hidden";
  frame.replaceChildren(canvas, layer);

  const images = /** @type {Map<number, HTMLImageElement>} */ (new Map());
  const known = /** @type {Map<number, HTMLImageElement>} */ (new Map());
  const fingers = /** @type {Map<number, [number, number]>} */ (new Map());
  const ending = new AbortController();
  let [width, height, least, zoom, left, top] = [0, 0, 48, 1, 0, 0];
  let side = least;
  let unit = 1;
  let middle = [0.5, 0.5];
  let current = -1;
  let waiting = 0;
  let moved = 0;
  let stale = true;
  let shown = /** @type {Set<number>} */ (new Set());

  /** An upright frame shows the map on its side. @param {number} at @returns {[number, number]} */
  const placed = (at) => {
    const { x = 0, y = 0 } = places[at] ?? {};
    return height > width ? [y, x] : [x, y];
  };
  /** @param {number} at @returns {[number, number]} */
  const locate = (at) => {
    const [x, y] = placed(at);
    return [(x - (middle[0] ?? 0)) * unit * zoom, (y - (middle[1] ?? 0)) * unit * zoom];
  };
  /** @param {number} at @returns {[number, number]} */
  const seen = (at) => {
    const [x, y] = locate(at);
    return [x + left + width / 2, y + top + height / 2];
  };

  function measure() {
    ({ clientWidth: width, clientHeight: height } = frame);
    least = Math.min(60, Math.max(36, Math.sqrt(width * height) / 17));
    const spans = [0, 1].map((axis) => {
      const all = places.map((_, at) => placed(at)[axis] ?? 0);
      const low = all.reduce((a, b) => Math.min(a, b), 1);
      const high = all.reduce((a, b) => Math.max(a, b), 0);
      return { middle: (low + high) / 2, span: Math.max(1e-6, high - low) };
    });
    middle = spans.map((each) => each.middle);
    const room = [width, height].map((each) => Math.max(20, each - least * 1.6));
    unit = Math.min(...spans.map(({ span }, axis) => (room[axis] ?? 0) / span), Math.max(...room));
    stale = true;
    draw();
  }

  function draw() {
    frame.setAttribute("aria-busy", "true");
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      if (stale) {
        side = least * Math.min(2, zoom ** 0.2);
        shown = thinned(places, locate, side);
        stale = false;
      }
      dots();
      drawImages();
      frame.dataset.shown = String(images.size);
      frame.dataset.zoom = zoom.toFixed(2);
      frame.setAttribute("aria-busy", "false");
    });
  }

  function dots() {
    const sharp = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * sharp);
    canvas.height = Math.round(height * sharp);
    const context = canvas.getContext("2d");
    if (!context) return;
    context.scale(sharp, sharp);
    context.fillStyle = getComputedStyle(canvas).color;
    const radius = Math.min(3, Math.max(1.2, Math.sqrt((width * height) / places.length) / 10));
    places.forEach((_, at) => {
      if (shown.has(at)) return;
      const [x, y] = seen(at);
      if (x < -5 || y < -5 || x > width + 5 || y > height + 5) return;
      const reach = at === current ? radius + 3 : radius;
      if (reach < 2) return context.fillRect(x - reach, y - reach, 2 * reach, 2 * reach);
      context.beginPath();
      context.arc(x, y, reach, 0, 7);
      context.fill();
    });
  }

  function drawImages() {
    const kept = new Set();
    for (const at of shown) {
      const [x, y] = seen(at);
      if (x < -side || y < -side || x > width + side || y > height + side) continue;
      kept.add(at);
      const image = images.get(at) ?? added(at);
      const [across, down] = sized(places[at]?.ratio ?? 1, side);
      image.style.width = `${across}px`;
      image.style.height = `${down}px`;
      image.style.transform = `translate(${x - across / 2}px, ${y - down / 2}px)`;
      image.classList.toggle("current", at === current);
    }
    for (const [at, image] of images) {
      if (kept.has(at)) continue;
      image.remove();
      images.delete(at);
    }
  }

  /** @param {number} at */
  function added(at) {
    const image = known.get(at) ?? made(places[at]?.source ?? "");
    known.set(at, image);
    images.set(at, image);
    layer.append(image);
    return image;
  }

  /** The place under a point of the frame: an image, else the nearest dot; -1 for none.
   * @param {number} x @param {number} y */
  function under(x, y) {
    for (const at of images.keys()) {
      const [u, v] = seen(at);
      const [across, down] = sized(places[at]?.ratio ?? 1, side);
      if (Math.abs(u - x) <= across / 2 && Math.abs(v - y) <= down / 2) return at;
    }
    let [found, nearest] = [-1, REACH];
    places.forEach((_, at) => {
      const [u, v] = seen(at);
      const far = Math.hypot(u - x, v - y);
      if (far < nearest && !shown.has(at)) [found, nearest] = [at, far];
    });
    return found;
  }

  /** @param {number} at */
  function look(at) {
    if (at === current) return;
    current = at;
    tell(at);
    draw();
  }

  /** Zoom by a factor; what lies at a point of the frame stays there. */
  function zoomed(factor = 1, x = width / 2, y = height / 2) {
    const next = Math.min(CLOSEST, Math.max(1, zoom * factor));
    left = x - width / 2 - ((x - width / 2 - left) * next) / zoom;
    top = y - height / 2 - ((y - height / 2 - top) * next) / zoom;
    stale ||= next !== zoom;
    zoom = next;
    pan(0, 0);
  }

  /** Some of the map always stays in sight. @param {number} dx @param {number} dy */
  function pan(dx, dy) {
    const [most, deepest] = [(zoom * width) / 2, (zoom * height) / 2];
    left = zoom === 1 ? 0 : Math.min(most, Math.max(-most, left + dx));
    top = zoom === 1 ? 0 : Math.min(deepest, Math.max(-deepest, top + dy));
    draw();
  }

  function whole() {
    [zoom, left, top, stale] = [1, 0, 0, true];
    draw();
  }

  /** Look at the next place in a direction, and bring it into sight. @param {[number, number]} direction */
  function step([dx, dy]) {
    const [x, y] = current < 0 ? [width / 2, height / 2] : seen(current);
    let [found, nearest] = [-1, Infinity];
    places.forEach((_, at) => {
      const [u, v] = seen(at);
      const ahead = (u - x) * dx + (v - y) * dy;
      const aside = Math.abs((u - x) * dy) + Math.abs((v - y) * dx);
      const far = current < 0 ? Math.hypot(u - x, v - y) - (shown.has(at) ? side : 0) : ahead + 2 * aside;
      if (at !== current && (current < 0 || (ahead > REACH / 2 && aside <= ahead)) && far < nearest) [found, nearest] = [at, far];
    });
    if (found < 0) return;
    look(found);
    const [u, v] = seen(found);
    pan(Math.min(0, width - side - u) + Math.max(0, side - u), Math.min(0, height - side - v) + Math.max(0, side - v));
  }

  const keys = /** @type {Record<string, () => void>} */ ({
    "+": () => zoomed(1.5, ...(current < 0 ? [] : seen(current))),
    "-": () => zoomed(1 / 1.5, ...(current < 0 ? [] : seen(current))),
    0: whole,
    Home: whole,
    Escape: () => look(-1),
    Enter: () => current >= 0 && choose?.(current),
    " ": () => current >= 0 && choose?.(current),
  });

  /** @param {KeyboardEvent} event */
  function keyed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const name = event.key === "=" ? "+" : event.key === "_" ? "-" : event.key;
    const direction = STEPS[name];
    if (!direction && !keys[name]) return;
    event.preventDefault();
    if (direction) step(direction);
    else keys[name]?.();
  }

  /** @param {PointerEvent | WheelEvent} event @returns {[number, number]} */
  function point(event) {
    const { left: x, top: y } = frame.getBoundingClientRect();
    return [event.clientX - x - frame.clientLeft, event.clientY - y - frame.clientTop];
  }

  /** @param {PointerEvent} event */
  function pressed(event) {
    if (event.button !== 0) return;
    frame.setPointerCapture(event.pointerId);
    if (!fingers.size) moved = 0;
    fingers.set(event.pointerId, point(event));
  }

  /** @param {PointerEvent} event */
  function movedTo(event) {
    const now = point(event);
    const before = fingers.get(event.pointerId);
    if (!before) return look(under(...now));
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    moved += Math.hypot(dx, dy);
    fingers.set(event.pointerId, now);
    if (other) {
      const far = Math.hypot(before[0] - other[0], before[1] - other[1]);
      zoomed(Math.hypot(now[0] - other[0], now[1] - other[1]) / Math.max(1, far), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      pan(dx / 2, dy / 2);
      moved += REACH;
    } else if (moved > 4) pan(dx, dy);
  }

  /** @param {PointerEvent} event */
  function lifted(event) {
    if (!fingers.delete(event.pointerId) || moved > 4 || event.type === "pointercancel") return;
    const at = under(...point(event));
    look(at);
    if (at >= 0) choose?.(at);
  }

  /** @param {WheelEvent} event */
  function turned(event) {
    event.preventDefault();
    zoomed(Math.exp(-event.deltaY * (event.deltaMode ? 0.06 : 0.002)), ...point(event));
  }

  const { signal } = ending;
  frame.addEventListener("keydown", keyed, { signal });
  frame.addEventListener("pointerdown", pressed, { signal });
  frame.addEventListener("pointermove", movedTo, { signal });
  frame.addEventListener("pointerup", lifted, { signal });
  frame.addEventListener("pointercancel", lifted, { signal });
  frame.addEventListener("pointerleave", () => fingers.size || look(-1), { signal });
  frame.addEventListener("wheel", turned, { signal, passive: false });
  const watching = new ResizeObserver(measure);
  watching.observe(frame);

  return {
    closer: () => zoomed(1.5),
    farther: () => zoomed(1 / 1.5),
    whole,
    end: () => {
      ending.abort();
      watching.disconnect();
      cancelAnimationFrame(waiting);
      frame.replaceChildren();
    },
  };
}
