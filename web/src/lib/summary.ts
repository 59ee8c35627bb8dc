/** An answer as a whole: which hits stand above the line, and the words for it. */

import type { Hit, Hint, SearchResponse } from "./api";
import { count } from "./words";

export interface Summary {
  /** Whether the hits were judged, not only ranked. */
  judged: boolean;
  /** The hits above the line: those that are alike, or all where none was judged. */
  above: Hit[];
  below: Hit[];
  title: string;
  /** What is said where nothing is alike. */
  sentence: string;
  /** The heading of the hits below the line. */
  rule: string;
  /** All of it in short, for screen readers. */
  spoken: string;
}

const TOO_PLAIN = "too plain to judge";

/** The answer to a search with an image, colours or texts, and what was asked. */
export function summary({ hits, verdict, hint }: SearchResponse, asked: URLSearchParams, judging = false): Summary {
  const plain = verdict === TOO_PLAIN;
  if (!judging && !plain && hits.every(({ alike }) => alike === null)) {
    const spoken = `${count(hits.length, "image")} found, nearest first.`;
    return { judged: false, above: hits, below: [], title: "The nearest images", sentence: "", rule: "", spoken };
  }
  const above = hits.filter(({ alike }) => alike === true);
  const below = hits.filter(({ alike }) => alike !== true);
  const sense = asked.get("by") ?? "";
  const copies = sense === "copy";
  if (above.length) {
    const found = copies ? count(above.length, "copy", "copies") : count(above.length, "similar image");
    const title = judging ? `${found} so far` : found;
    const others = copies ? count(below.length, "other image") : `${below.length} less similar`;
    const rule = copies ? "The nearest other images" : "Less similar images";
    return { judged: true, above, below, title, sentence: "", rule, spoken: `${title}${below.length ? `, ${others}` : ""}.` };
  }
  if (judging) {
    const title = copies ? "Looking for copies…" : "Looking for similar images…";
    const sentence = "Each of the nearest images is now compared with yours.";
    const spoken = `The nearest ${count(hits.length, "image")} are shown and compared with yours.`;
    return { judged: true, above, below, title, sentence, rule: "The nearest images", spoken };
  }
  const title = plain ? "Too plain to judge" : copies ? "No copy found" : "No similar images";
  const part = asked.has("box");
  const yours = part ? "This part of your image" : "Your image";
  const which = asked.has("where") ? "No image that matches the filter" : "No image of this collection";
  const sentence =
    plain ? `${yours} has too little structure to tell copies of it from other images.`
    : copies ? `${which} is a copy of ${part ? "this part of your image" : "yours"}.`
    : `${which} is similar by ${sense}.`;
  const spoken = `${title}. Showing the nearest ${count(hits.length, "image")}.${hint ? ` ${advised(hint)}` : ""}`;
  return { judged: true, above, below, title, sentence, rule: "The nearest images", spoken };
}

const advised = ({ sense, looks_for, command }: Hint): string =>
  command ? `A command is shown that adds a search for ${looks_for}.` : `A search by ${sense} looks for ${looks_for}.`;
