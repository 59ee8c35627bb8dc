/** Boxes on an image, and where a homography takes its corners. */

import type { Box, Point } from "./api";

type Size = [number, number];

const SMALLEST = 8;

/** Where each arrow key goes. */
export const ARROWS: Record<string, Point> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The pixel nearest to a point that is in the image. */
export const within = ([x, y]: Point, [width, height]: Size): Point => [
  Math.min(Math.max(x, 0), width - 1),
  Math.min(Math.max(y, 0), height - 1),
];

/** The box with its corners in order, inside the image, whole pixels, no smaller than can be asked with. */
export function fitted(box: Box, [width, height]: Size): Box {
  const [x0, x1] = span(box[0], box[2], width);
  const [y0, y1] = span(box[1], box[3], height);
  return [x0, y0, x1, y1];
}

function span(a: number, b: number, size: number): Point {
  const least = Math.min(SMALLEST, size);
  const low = Math.round(Math.min(Math.max(Math.min(a, b), 0), size - least));
  const high = Math.round(Math.min(Math.max(a, b), size));
  return [low, Math.max(high, low + least)];
}

/** The box shifted, stopping at the edges. */
export function moved(box: Box, dx: number, dy: number, [width, height]: Size): Box {
  const x = Math.round(Math.min(Math.max(dx, -box[0]), width - box[2]));
  const y = Math.round(Math.min(Math.max(dy, -box[1]), height - box[3]));
  return [box[0] + x, box[1] + y, box[2] + x, box[3] + y];
}

/** The box with its lower right corner shifted. */
export function resized(box: Box, dx: number, dy: number, size: Size): Box {
  return fitted([box[0], box[1], Math.max(box[2] + dx, box[0] + SMALLEST), Math.max(box[3] + dy, box[1] + SMALLEST)], size);
}

export const middle = ([width, height]: Size): Box =>
  fitted([width * 0.25, height * 0.25, width * 0.75, height * 0.75], [width, height]);

/** The corners of a box (the unit square where none is named) under a homography; null where one lies behind. */
export function outline(h: number[][], [x0, y0, x1, y1]: Box = [0, 0, 1, 1]): Point[] | null {
  const corners: Point[] = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
  const found: Point[] = [];
  let side = 0;
  for (const [x, y] of corners) {
    const [u, v, w] = h.map((row) => row[0]! * x + row[1]! * y + row[2]!) as [number, number, number];
    if (Math.abs(w) < 1e-9 || (side !== 0 && Math.sign(w) !== side)) return null;
    side = Math.sign(w);
    found.push([u / w, v / w]);
  }
  return found;
}

/** The inverse of a 3 x 3 matrix up to its scale (the adjugate), which is all a homography needs. */
export function inverse(m: number[][]): number[][] {
  const at = (i: number, j: number): number => m[i % 3]![j % 3]!;
  return [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => at(j + 1, i + 1) * at(j + 2, i + 2) - at(j + 1, i + 2) * at(j + 2, i + 1)),
  );
}
