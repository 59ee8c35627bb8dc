/** Heat maps: the contribution of each region to a score, as an overlay image. */

import type { Shares } from "./api";

/** The colours of regions that add nothing, half of the maximum, and the maximum. */
const COLOURS = [[20, 16, 70], [214, 56, 72], [255, 226, 92]] as const;
const SIDE = 160;

export const total = (shares: Shares): number => shares.flat().reduce((sum, each) => sum + each, 0);

/** A PNG data URL, interpolated between the regions. */
export function painted(shares: Shares): string {
  const [rows, columns] = [shares.length, shares[0]?.length ?? 0];
  const most = Math.max(...shares.flat(), Number.MIN_VALUE);
  const sheet = document.createElement("canvas");
  const context = sheet.getContext("2d");
  if (!context || !columns) return "";
  sheet.width = sheet.height = SIDE;
  const pixels = context.createImageData(SIDE, SIDE);
  for (let y = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1) {
      const level = between(shares, ((x + 0.5) / SIDE) * columns - 0.5, ((y + 0.5) / SIDE) * rows - 0.5) / most;
      pixels.data.set([...colour(level), 255], 4 * (y * SIDE + x));
    }
  }
  context.putImageData(pixels, 0, 0);
  return sheet.toDataURL();
}

/** Bilinear interpolation between cell centres; negative values count as 0. */
function between(shares: Shares, x: number, y: number): number {
  const at = (row: number, column: number): number =>
    Math.max(0, shares[clamp(row, shares.length)]![clamp(column, shares[0]!.length)]!);
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, down] = [x - left, y - top];
  const above = at(top, left) * (1 - right) + at(top, left + 1) * right;
  const below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
  return above * (1 - down) + below * down;
}

const clamp = (place: number, count: number): number => Math.min(Math.max(place, 0), count - 1);

function colour(level: number): number[] {
  const half = level < 0.5 ? 0 : 1;
  const part = Math.min(1, 2 * level - half);
  return COLOURS[half]!.map((from, at) => from + (COLOURS[half + 1]![at]! - from) * part);
}
