/** A drawing: what was done, one step after the other, and how it is painted. */

import type { Point } from "./api";

/** A line of the pen or of the eraser, an image that was loaded, or a clean sheet. */
export type Step =
  | { kind: "line"; points: Point[]; erases: boolean }
  | { kind: "image"; image: CanvasImageSource; size: [number, number] }
  | { kind: "clean" };

export const SHEET: [number, number] = [640, 480];
const PEN = 6;
const ERASER = 36;

/** The steps that can still be seen. */
export const visible = (steps: Step[]): Step[] => steps.slice(steps.findLastIndex(({ kind }) => kind === "clean") + 1);

export function paint(context: CanvasRenderingContext2D, steps: Step[]): void {
  context.fillStyle = "#fff";
  context.fillRect(0, 0, ...SHEET);
  context.lineCap = context.lineJoin = "round";
  for (const step of visible(steps)) {
    if (step.kind === "line") line(context, step.points, step.erases);
    if (step.kind === "image") context.drawImage(step.image, ...placed(step.size));
  }
}

function line(context: CanvasRenderingContext2D, points: Point[], erases: boolean): void {
  context.strokeStyle = erases ? "#fff" : "#000";
  context.lineWidth = erases ? ERASER : PEN;
  context.beginPath();
  // A line from the first point to itself is the dot of a pen that did not move.
  context.moveTo(...points[0]!);
  for (const point of points) context.lineTo(...point);
  context.stroke();
}

/** As large as the sheet allows, in its middle. */
function placed([width, height]: [number, number]): [number, number, number, number] {
  const scale = Math.min(SHEET[0] / width, SHEET[1] / height);
  const [w, h] = [width * scale, height * scale];
  return [(SHEET[0] - w) / 2, (SHEET[1] - h) / 2, w, h];
}
