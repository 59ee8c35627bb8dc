/** Two images of a group in the frame of one of them. */

import type { Box, Member } from "./api";

type Matrix = number[][];

const IDENTITY: Matrix = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];

/** From unit points of the first image of the group; null where that is not known. */
function fromFirst({ verdict, transform }: Member): Matrix | null {
  return transform ?? (verdict === "" || verdict.startsWith("identical") ? IDENTITY : null);
}

function multiply(one: Matrix, other: Matrix): Matrix {
  return one.map((row) => [0, 1, 2].map((column) => row.reduce((sum, value, at) => sum + value * (other[at]?.[column] ?? 0), 0)));
}

function inverse(matrix: Matrix): Matrix | null {
  const [[a, b, c], [d, e, f], [g, h, i]] = matrix as [[number, number, number], [number, number, number], [number, number, number]];
  const size = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (Math.abs(size) < 1e-12) return null;
  return [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / size));
}

/** The transform from unit points of one member to unit points of another; null where it is not known. */
export function between(member: Member, other: Member): Matrix | null {
  const [from, to] = [fromFirst(member), fromFirst(other)];
  const back = from && inverse(from);
  return back && to ? multiply(to, back) : null;
}

function moved(matrix: Matrix, x: number, y: number): [number, number] {
  const [across, down, depth] = matrix.map((row) => row[0]! * x + row[1]! * y + row[2]!) as [number, number, number];
  return [across / depth, down / depth];
}

/** Draw one image over the other where it lies in it, as an affine transform: faded by `share`, or what differs. */
export function draw(canvas: HTMLCanvasElement, kept: HTMLImageElement, other: HTMLImageElement, place: Matrix, share: number | "difference"): void {
  const [width, height] = [kept.naturalWidth, kept.naturalHeight];
  const context = canvas.getContext("2d");
  if (!context) return;
  canvas.width = width;
  canvas.height = height;
  const [left, right, below] = [moved(place, 0, 0), moved(place, 1, 0), moved(place, 0, 1)];
  const toOther = (): void =>
    context.setTransform(
      (right[0] - left[0]) * width, (right[1] - left[1]) * height, (below[0] - left[0]) * width, (below[1] - left[1]) * height,
      left[0] * width, left[1] * height,
    );
  if (share === "difference") {
    // What the other does not show stays black.
    toOther();
    context.beginPath();
    context.rect(0, 0, 1, 1);
    context.clip();
    context.resetTransform();
  }
  context.drawImage(kept, 0, 0, width, height);
  toOther();
  if (share === "difference") context.globalCompositeOperation = "difference";
  else context.globalAlpha = share;
  context.drawImage(other, 0, 0, 1, 1);
}

/** The areas that differ, as boxes of both, where these two were compared with each other. */
export function changes(kept: Member, other: Member): [Box, Box][] {
  if (kept.verdict === "") return other.changes.map(({ query_box, hit_box }) => [query_box, hit_box]);
  if (other.verdict === "") return kept.changes.map(({ query_box, hit_box }) => [hit_box, query_box]);
  return [];
}
