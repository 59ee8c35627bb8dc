/** Formatting of numbers, reasons, paths and what is known of images. */

import type { Known } from "./api";

const COUNT = new Intl.NumberFormat("en");

export const count = (value: number, one: string, many = `${one}s`): string =>
  `${COUNT.format(value)} ${value === 1 ? one : many}`;

/** `1 image matches the filter`, `12 images match the filter`. */
export const passing = (value: number): string => `${count(value, "image matches", "images match")} the filter`;

/** `1 image matches the words`, `3 images match the words`. */
export const holding = (value: number): string => count(value, "image matches the words", "images match the words");

/** `No image holds the words "moscow"`: what a search says of itself, as a title. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A share of one as per cent: `1.5 %`. */
export const percent = (share: number): string => (share < 0.0005 ? "under 0.1 %" : `${(100 * share).toFixed(1)} %`);

/** `1 area differs`, `3 areas differ`. */
export const differing = (areas: number): string => count(areas, "area differs", "areas differ");

export const rated = (score: number | null): string => (score === null ? "–" : score.toFixed(2));

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  const shown = value / 1000 ** step;
  return `${shown < 10 && step > 0 ? shown.toFixed(1) : Math.round(shown)} ${units[step]}`;
}

export function seconds(taken: number | Record<string, number>): string {
  const value = typeof taken === "number" ? taken : Object.values(taken).reduce((sum, each) => sum + each, 0);
  return value < 1 ? `${Math.max(1, Math.round(value * 1000))} ms` : `${value.toFixed(1)} s`;
}

/** Pasted numbers, comma-separated: a list, a column, or a line of `nearsight describe` with its path. */
export function numbered(text: string): string {
  const fields = text.trim().split("\t");
  if (fields.length > 1 && Number.isNaN(Number(fields[0]))) fields.shift();
  return fields.join(" ").split(/[\s,;[\]]+/).filter(Boolean).join(",");
}

/** `not-an-image` as `Not an image`. */
export function plain(reason: string): string {
  const text = reason.replaceAll(/[-_]/g, " ");
  return capital(text);
}

const SKIP_HEADINGS: Record<string, string> = {
  "vanished": "No longer there",
  "unreadable": "Cannot be read",
  "decoder-crashed": "Cannot be decoded",
  "timeout": "Takes too long to decode",
  "out-of-memory": "Takes too much memory",
  "decodes-too-large": "Too large to decode",
  "needs-heif-extra": "HEIC, which needs one more package",
  "format-not-read": "Of a format that is not read",
  "bad-header": "Damaged at the beginning",
  "corrupt": "Damaged",
  "truncated": "Cut short",
  "reached-twice": "Reached twice",
  "removed-by-user": "Taken out by hand",
};

/** What a group of skipped files is called: `truncated` as `Cut short`. */
export const skipHeading = (reason: string): string => SKIP_HEADINGS[reason] ?? plain(reason);

/** Splits a path into folder and name. */
export function parted(path: string): { folder: string; name: string } {
  const cut = path.lastIndexOf("/") + 1;
  return { folder: path.slice(0, cut), name: path.slice(cut) };
}

/** What is known of an image, a line each: when, with what, where, by whom it was taken, and how it is rated. */
export function facts(image: Known): string[] {
  const place = image.latitude === null || image.longitude === null ? "" : `${image.latitude.toFixed(5)}, ${image.longitude.toFixed(5)}`;
  const height = image.altitude === null ? "" : `, ${Math.round(image.altitude)} m`;
  const town = [image.city, image.country].filter(Boolean).join(", ");
  const when = [image.taken?.replace("T", " "), image.time_zone].filter(Boolean).join(" ");
  return [
    when && `Taken ${when} (${image.taken_from})`,
    [image.camera, image.lens, image.iso && `ISO ${image.iso}`].filter(Boolean).join(", "),
    [town, place && `${place}${height} (${image.place_from})`].filter(Boolean).join(", "),
    image.creator && `By ${image.creator}`,
    stars(image.rating),
    image.n_pages > 1 && `Page ${image.page} of ${COUNT.format(image.n_pages)}`,
    image.read_share < 1 && `Damaged: ${Math.floor(100 * image.read_share)} % could be read`,
  ].filter((line): line is string => Boolean(line));
}

function stars(rating: number | null): string {
  if (rating === null) return "";
  return rating < 0 ? "Rejected" : count(rating, "star");
}
