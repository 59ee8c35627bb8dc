/** Client of the HTTP API: one function per route, and the types of the responses. */

export type Box = [number, number, number, number];
export type Point = [number, number];

export interface Sense {
  name: string;
  description: string;
  /** Whether queries may have texts. */
  supports_text: boolean;
}

export interface Collection {
  id: string;
  name: string;
  images: number;
  senses: Sense[];
  default_sense: string;
  readonly: boolean;
  /** The running job, if any. */
  job: Started | null;
  /** Why it cannot be opened, if so. */
  problem?: string | null;
  /** The supported query types: "image", "text", "colours", "words", "sketch". */
  query_types: string[];
}

export interface CollectionState extends Collection {
  skipped: Record<string, number>;
  bytes: number;
  generation: number;
}

export interface SkippedFile {
  path: string;
  reason: string;
  detail: string;
  /** What is wrong with it, and what to do. */
  message: string;
}

export interface Upload {
  upload: string;
  width: number;
  height: number;
}

/** Set by a model, or confirmed or set by a person. */
export interface Label {
  label: string;
  confidence: number;
  model: string;
  state: string;
}

/** An area in which two images differ: its box in each, in units of their width and height. */
export interface Change {
  query_box: Box;
  hit_box: Box;
  /** Its share of what both images have in common. */
  share: number;
}

export interface Hit extends Known {
  rank: number;
  id: number;
  path: string;
  score: number | null;
  distance: number | null;
  metric: string;
  /** Empty where the sense only ranks. */
  verdict: string;
  /** null: not judged, or too plain to judge. */
  alike: boolean | null;
  why: string;
  /** Where it differs from the query, or from the box of the query. */
  changes: Change[];
  width: number;
  height: number;
  bytes: number;
  format: string;
  thumbnail: string;
  image: string;
  /** Untrusted text in lines, never markup. */
  caption: string;
  tags: string[];
  /** Set by models or people, the most confident first. */
  labels: Label[];
}

/** What the file, its sidecars and its name say of an image. */
export interface Known {
  /** Local time as far as it is known: "1993", "1965-07", "2012-05-31" or "2012-05-31T14:30:00". */
  taken: string | null;
  /** What said so, such as "EXIF". */
  taken_from: string;
  time_zone: string | null;
  camera: string | null;
  lens: string | null;
  iso: number | null;
  latitude: number | null;
  longitude: number | null;
  altitude: number | null;
  place_from: string;
  /** 0 to 5 stars; -1 is rejected. */
  rating: number | null;
  creator: string | null;
  city: string | null;
  country: string | null;
  page: number;
  n_pages: number;
  /** Below 1 the file is damaged. */
  read_share: number;
}

/** A sense that looks further. */
export interface Hint {
  sense: string;
  looks_for: string;
  /** Indexes the collection by it; empty where it is indexed already. */
  command: string;
}

export interface SearchResponse {
  /** Whether all hits that are to be judged are; the order is that of the moment otherwise. */
  final: boolean;
  recipe: string;
  /** "found", "nothing like it here", "too plain to judge", "no image matches", or empty: not judged, or not yet. */
  verdict: string;
  /** What left no image: the words, the filter, or both; empty where there are hits. */
  empty_because: string;
  hint: Hint | null;
  total: number;
  seconds: number | Record<string, number>;
  hits: Hit[];
}

/** What each region adds to a score: a grid from the top left over the whole image. */
export type Shares = number[][];

/**
 * Points, changes and the homography are in units of the width and height of each whole image; the shares of the query
 * cover the query box, or the whole image.
 */
export interface Explanation {
  sentence: string;
  verdict: string;
  alike: boolean | null;
  query_points: Point[] | null;
  hit_points: Point[] | null;
  homography: number[][] | null;
  query_shares: Shares | null;
  hit_shares: Shares | null;
  /** Where the images differ, the largest area first. */
  changes: Change[];
}

/** A job that has begun; its kind is "index" or "duplicates". */
export interface Started {
  id: string;
  kind: string;
}

export interface Job {
  step?: string;
  done?: number;
  total?: number;
  /** running, done, failed or cancelled; only set when it ends. */
  state?: string;
  summary?: Record<string, unknown> | null;
  error?: string | null;
}

export interface Place {
  id: number;
  path: string;
  x: number;
  y: number;
  width: number;
  height: number;
  thumbnail: string;
}

/** `images` are the first of `total`, a random sample. */
export interface Layout {
  recipe: string;
  metric: string;
  landmarks: number;
  explained: number;
  stress: number;
  trustworthiness: number;
  total: number;
  images: Place[];
}

/** An image of a group of duplicates. */
export interface Member {
  id: number;
  path: string;
  width: number;
  height: number;
  bytes: number;
  format: string;
  taken: string | null;
  thumbnail: string;
  image: string;
  /** What it is to the first one, as which it is empty. */
  verdict: string;
  why: string;
  keep: boolean;
  /** Proved to be identical to the one to keep, or a copy of it, and no larger. */
  same_as_kept: boolean;
  /** "duplicate", "kept", "keep both", "not a duplicate", or empty. */
  decision: string;
  /** From unit points of the first to unit points of this one, where known. */
  transform: number[][] | null;
  changes: Change[];
}

export interface Group {
  number: number;
  keep_why: string;
  decided: boolean;
  members: Member[];
}

/** The groups that the last job found; `found` is false before there was one. */
export interface Duplicates {
  found: boolean;
  total: number;
  n_open: number;
  n_decided: number;
  n_images: number;
  left_out: string;
  failures: number;
  groups: Group[];
}

/** Of a "duplicate", `image` is to go, and `other` is kept. */
export interface Decision {
  decision: "duplicate" | "keep both" | "not a duplicate";
  image: number;
  other: number;
}

/** An error of the service, with a hint. `status` 0: it does not respond. */
export class Trouble extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly hint = "",
  ) {
    super(message);
  }
}

const JSON_TYPE = { "content-type": "application/json" };
const LINES = "application/x-ndjson";

async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  const response = await respond(path, options);
  return (response.status === 204 ? null : await response.json()) as T;
}

const post = <T>(path: string, body: object): Promise<T> =>
  ask(path, { method: "POST", headers: JSON_TYPE, body: JSON.stringify(body) });

async function respond(path: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address(path), options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Trouble(0, "The search service does not respond.", "Is “nearsight serve” still running?");
  }
  if (response.ok) return response;
  throw troubleOf(response.status, await response.json().catch(() => null));
}

/** The error of a response, or of a line in it; `told` is null where it is no JSON of our service. */
function troubleOf(status: number, told: { error?: unknown; hint?: unknown } | null): Trouble {
  if (typeof told?.error !== "string") return new Trouble(status, `The service failed (status ${status}).`, "Try again.");
  return new Trouble(status, told.error, typeof told.hint === "string" ? told.hint : "");
}

/** The lines of a response as they arrive. */
async function* lines(response: Response): AsyncGenerator<string> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const found = (rest + part.value).split("\n");
    rest = found.pop() ?? "";
    yield* found;
  }
}

/** Relative, so that the page also works below a path; URLs of the service may start with a slash. */
export const address = (path: string): string => (path.startsWith("/api/") ? path.slice(1) : path);

const of = (collection: string): string => `api/collections/${encodeURIComponent(collection)}`;
const signalled = (signal: AbortSignal | undefined): RequestInit => (signal ? { signal } : {});

export const collections = (): Promise<Collection[]> => ask("api/collections");
export const collection = (id: string): Promise<CollectionState> => ask(of(id));

export const skipped = (id: string, reason: string, offset: number): Promise<{ total: number; files: SkippedFile[] }> =>
  ask(`${of(id)}/skipped?${new URLSearchParams({ reason, offset: String(offset), limit: "50" })}`);

export function upload(file: Blob, signal?: AbortSignal): Promise<Upload> {
  const body = new FormData();
  body.append("image", file, file instanceof File ? file.name : "image");
  return ask("api/uploads", { method: "POST", body, ...signalled(signal) });
}

export const uploadAddress = (id: string): string => `api/uploads/${encodeURIComponent(id)}`;
export const thumbnailAddress = (collection: string, id: number): string => `${of(collection)}/images/${id}/thumbnail`;
export const imageAddress = (collection: string, id: string): string =>
  `${of(collection)}/images/${encodeURIComponent(id)}`;

/** Colours with their shares at a point of an image, in its pixels, or its main colours; `image` is its URL. */
export const colours = (image: string, at?: Point): Promise<{ colours: Record<string, number> }> =>
  ask(`${image}/colours${at ? `?at=${at.join(",")}` : ""}`);

/** The final answer of a search; `provisional` gets those before it, while hits are judged. */
export async function search(
  collection: string,
  asked: URLSearchParams,
  signal: AbortSignal,
  provisional: (answer: SearchResponse) => void,
): Promise<SearchResponse> {
  const path = `${of(collection)}/search?${asked}`;
  const response = await respond(path, { signal, headers: { accept: LINES } });
  if (!response.headers.get("content-type")?.startsWith(LINES)) return (await response.json()) as SearchResponse;
  let last: SearchResponse | null = null;
  try {
    for await (const line of lines(response)) {
      const answer = JSON.parse(line) as SearchResponse & { error?: string };
      if (answer.error !== undefined) throw troubleOf(500, answer);
      signal.throwIfAborted();
      last = answer;
      if (!answer.final) provisional(answer);
    }
  } catch (error) {
    if (error instanceof Trouble || signal.aborted) throw error;
  }
  // Where the lines break off on their way, the whole answer is asked for.
  return last?.final ? last : ask(path, { signal });
}

/** Set, confirm or reject a label of an image; returns its new labels. */
export const judge = (collection: string, id: number, label: string, right: boolean): Promise<Label[]> =>
  ask(`${imageAddress(collection, String(id))}/labels?${new URLSearchParams({ label })}`, { method: right ? "PUT" : "DELETE" });

export const layout = (collection: string, asked: URLSearchParams, signal?: AbortSignal): Promise<Layout> =>
  ask(`${of(collection)}/map?${asked}`, signalled(signal));

export const explain = (collection: string, asked: URLSearchParams, signal?: AbortSignal): Promise<Explanation> =>
  ask(`${of(collection)}/explain?${asked}`, signalled(signal));

export const startJob = (collection: string): Promise<Started> => post(`${of(collection)}/jobs`, {});

export const findDuplicates = (collection: string, verdicts: string[]): Promise<Started> =>
  post(`${of(collection)}/duplicates`, { verdicts });

export const duplicates = (collection: string, state: string, offset: number): Promise<Duplicates> =>
  ask(`${of(collection)}/duplicates?${new URLSearchParams({ state, offset: String(offset), limit: "1" })}`);

export const decide = (collection: string, decisions: Decision[]): Promise<null> =>
  post(`${of(collection)}/decisions`, { decisions });

export const undo = (collection: string): Promise<{ decision: string; path: string; other_path: string }[]> =>
  ask(`${of(collection)}/decisions/last`, { method: "DELETE" });

export const cancelJob = (id: string): Promise<unknown> => ask(`api/jobs/${encodeURIComponent(id)}`, { method: "DELETE" });

/** Follows a job until it ends; returns a function that stops. */
export function follow(id: string, told: (job: Job) => void, ended: (job: Job | null) => void): () => void {
  const events = new EventSource(`api/jobs/${encodeURIComponent(id)}/events`);
  const job = (event: Event): Job => JSON.parse((event as MessageEvent<string>).data) as Job;
  events.addEventListener("progress", (event) => told(job(event)));
  events.addEventListener("done", (event) => {
    events.close();
    ended(job(event));
  });
  events.onerror = () => {
    // The browser connects again by itself unless the service refused.
    if (events.readyState === EventSource.CLOSED) ended(null);
  };
  return () => events.close();
}
