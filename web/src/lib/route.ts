/** The state of the page is in its URL: this module reads and writes it. */

import type { Box } from "./api";

export type Kind = "image" | "text" | "colours" | "words" | "sketch";

export interface Colour {
  /** Six hexadecimal digits, no hash. */
  hex: string;
  /** Its share before all shares are brought to a sum of one, 1..100. */
  share: number;
}

export interface Route {
  collection: string;
  /** The map instead of a search. */
  map: boolean;
  /** The review of duplicates instead of a search. */
  duplicates: boolean;
  /** The place of the reviewed group among those that are open. */
  group: number;
  kind: Kind;
  upload: string;
  id: string;
  /** Width and height of the upright query image, where known. */
  size: [number, number] | null;
  box: Box | null;
  colours: Colour[];
  /** Comma-separated values of a colour histogram, instead of colours. */
  histogram: string;
  /** Texts that the images should match, and should not match; also with a query image. */
  texts: string[];
  minusTexts: string[];
  words: string;
  /** The filter: "taken >= 2012 and folder like 'moscow/%'". */
  where: string;
  by: string;
  /** Ids of images with positive and negative feedback. */
  likes: number[];
  unlikes: number[];
  k: number;
  hit: string;
}

export const KINDS: readonly Kind[] = ["image", "text", "colours", "words", "sketch"];
export const PAGE = 20;
export const MOST = 200;
export const MARKS = 100;
/** Maximum number of texts of a kind, and their maximum length. */
export const TEXTS = 8;
export const LETTERS = 500;

export const blank = (collection = ""): Route => ({
  collection,
  map: false,
  duplicates: false,
  group: 0,
  kind: "image",
  upload: "",
  id: "",
  size: null,
  box: null,
  colours: [],
  histogram: "",
  texts: [],
  minusTexts: [],
  words: "",
  where: "",
  by: "",
  likes: [],
  unlikes: [],
  k: PAGE,
  hit: "",
});

export function read(query: string): Route {
  const given = new URLSearchParams(query);
  const text = (name: string): string => given.get(name) ?? "";
  const box = numbers(text("box"), 4) as Box | null;
  const size = numbers(text("size"), 2) as [number, number] | null;
  const kind = text("ask");
  return {
    collection: text("in"),
    map: text("view") === "map",
    duplicates: text("view") === "duplicates",
    group: Math.max(0, Math.round(Number(text("group"))) || 0),
    kind: KINDS.find((each) => each === kind) ?? "image",
    upload: text("upload"),
    id: text("id"),
    size: size && size[0] > 0 && size[1] > 0 ? size : null,
    box: box && box[2] > box[0] && box[3] > box[1] ? box : null,
    colours: colours(text("colours")),
    histogram: text("histogram"),
    texts: said(given.getAll("text")),
    minusTexts: said(given.getAll("minus_text")),
    words: text("words"),
    where: text("where"),
    by: text("by"),
    likes: marks(text("like")),
    unlikes: marks(text("unlike")),
    k: Math.min(MOST, Math.max(1, Math.round(Number(text("k"))) || PAGE)),
    hit: text("hit"),
  };
}

export function write(route: Route): string {
  const given = new URLSearchParams();
  const put = (name: string, value: string): void => {
    if (value) given.set(name, value);
  };
  put("in", route.collection);
  put("view", route.map ? "map" : route.duplicates ? "duplicates" : "");
  put("group", route.duplicates && route.group ? String(route.group) : "");
  put("ask", route.kind === "image" ? "" : route.kind);
  put("upload", route.upload);
  put("id", route.upload ? "" : route.id);
  put("size", route.size ? route.size.join("x") : "");
  put("box", route.box ? route.box.join(",") : "");
  put("colours", route.colours.map(({ hex, share }) => `${hex}:${share}`).join(","));
  put("histogram", route.histogram);
  speak(given, route);
  put("words", route.words);
  put("where", route.where);
  put("by", route.by);
  put("like", route.likes.join());
  put("unlike", route.unlikes.join());
  put("k", route.k === PAGE ? "" : String(route.k));
  put("hit", route.hit);
  // Commas, colons and slashes are allowed in a query string and keep the URL readable.
  return "?" + given.toString().replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/");
}

/** The parameters of a search; null if the query is empty. A filter alone is a query. */
export function question(route: Route): URLSearchParams | null {
  const asked = asking[route.kind](route);
  const where = route.where.trim();
  // A filter alone has no sense.
  if (asked && route.by) asked.set("by", route.by);
  // Feedback needs a query vector, which words have not.
  if (asked && route.kind !== "words" && route.likes.length) asked.set("like", route.likes.join());
  if (asked && route.kind !== "words" && route.unlikes.length) asked.set("unlike", route.unlikes.join());
  if (!where) return asked;
  const filtered = asked ?? new URLSearchParams();
  filtered.set("where", where);
  return filtered;
}

const asking: Record<Kind, (route: Route) => URLSearchParams | null> = {
  image: ({ upload, id, box, texts, minusTexts }) => {
    if (!upload && !id) return null;
    const asked = new URLSearchParams(upload ? { upload } : { id });
    if (box) asked.set("box", box.join(","));
    return speak(asked, { texts, minusTexts });
  },
  text: (route) => (route.texts.length ? speak(new URLSearchParams(), route) : null),
  colours: ({ colours, histogram }) => {
    if (!colours.length) return histogram ? new URLSearchParams({ histogram }) : null;
    const sum = colours.reduce((total, { share }) => total + share, 0);
    return new URLSearchParams({ colours: colours.map(({ hex, share }) => `${hex}:${(share / sum).toFixed(3)}`).join(",") });
  },
  words: ({ words }) => (words.trim() ? new URLSearchParams({ words: words.trim() }) : null),
  sketch: ({ upload }) => (upload ? new URLSearchParams({ upload }) : null),
};

/** The texts of a query, trimmed, without empty ones. */
export const said = (texts: string[]): string[] => texts.map((each) => each.trim().slice(0, LETTERS)).filter(Boolean).slice(0, TEXTS);

function speak(given: URLSearchParams, { texts, minusTexts }: Pick<Route, "texts" | "minusTexts">): URLSearchParams {
  for (const text of texts) given.append("text", text);
  for (const text of minusTexts) given.append("minus_text", text);
  return given;
}

function numbers(text: string, count: number): number[] | null {
  const found = text.split(/[,x]/).map(Number);
  return text && found.length === count && found.every(Number.isFinite) ? found : null;
}

const marks = (text: string): number[] => [...new Set(text.split(",").filter((each) => /^\d{1,15}$/.test(each)).map(Number))].slice(0, MARKS);

function colours(text: string): Colour[] {
  return text
    .split(",")
    .map((part) => /^([0-9a-f]{6}):(\d{1,3})$/i.exec(part))
    .filter((found) => found !== null)
    .map((found) => ({ hex: found[1]!.toLowerCase(), share: Math.min(100, Math.max(1, Number(found[2]))) }))
    .slice(0, 8);
}
