/** The state of the page in one place. The address says what is asked; everything else follows from it. */

import * as api from "./api";
import { type SearchResponse, type Collection, type CollectionState, type Hit, type Label, Trouble } from "./api";
import * as jobs from "./jobs.svelte";
import { blank, type Kind, KINDS, MARKS, MOST, PAGE, question, read, type Route, write } from "./route";
import { type Summary, summary } from "./summary";
import { capital, count, holding, passing } from "./words";

type How = "push" | "replace";
type Mark = "likes" | "unlikes";

const UNMARKED = { likes: [], unlikes: [] };
const UNSAID = { texts: [], minusTexts: [] };

/** The sense that a query type requires. */
const FOR: Partial<Record<Kind, string>> = { colours: "colour", words: "words", sketch: "sketch" };

const RETRY_MS = 4000;
const SETTLE_MS = 250;

/** The query types that a collection supports. */
const offered = (collection: Collection | null): Kind[] => KINDS.filter((kind) => (collection?.query_types ?? ["image"]).includes(kind));

/** Whether two queries differ at most in the number of hits. */
function alike(...queries: [URLSearchParams, URLSearchParams]): boolean {
  const [one, other] = queries.map((query) => [...query].filter(([name]) => name !== "k").join("&"));
  return one === other;
}

class Store {
  route = $state<Route>(read(location.search));
  collections = $state.raw<Collection[] | null>(null);
  detail = $state.raw<CollectionState | null>(null);
  answer = $state.raw<SearchResponse | null>(null);
  searching = $state(false);
  /** Whether hits of the shown answer are still being judged. */
  judging = $state(false);
  uploading = $state(false);
  /** Whether a search is delayed until a change ends, such as a box moved by keys. */
  waiting = $state(false);
  /** Whether a sketch waits for its next line before the search. */
  drawing = $state(false);
  trouble = $state.raw<Trouble | null>(null);
  /** The text of the status region, for screen readers. */
  said = $state("");
  panel = $state(false);
  /** Whether colours are being picked from an image. */
  picking = $state(false);
  /** Incremented when the map must be loaded again. */
  tries = $state(0);

  /** The feedback just given on a card, and its position: the focus stays with it. */
  marked = $state.raw<{ id: number; mark: Mark; at: number } | null>(null);
  /** The paths of images with feedback, if known. */
  names = $state.raw<Record<number, string>>({});

  /** The upload that the drawing area shows, which it need not fetch. */
  drawn = "";

  #asked = "";
  /** The parameters of the shown answer. */
  #answered = $state.raw(new URLSearchParams());
  #turn = 0;
  #running: AbortController | null = null;
  #timer = 0;
  #retry = 0;
  #opened = false;
  /** The open hit where copies that were found since then took its place. */
  #displaced: Hit | null = null;

  get collection(): Collection | null {
    return this.collections?.find(({ id }) => id === this.route.collection) ?? null;
  }

  /** Whether the shown results are not yet those of the query. */
  get busy(): boolean {
    return this.searching || this.uploading || this.waiting || this.drawing;
  }

  get offline(): boolean {
    return this.trouble?.status === 0;
  }

  /** The query types that this collection supports. */
  get kinds(): Kind[] {
    return offered(this.collection);
  }

  /** The query type: the chosen one if the collection supports it. */
  get kind(): Kind {
    return this.kinds.includes(this.route.kind) ? this.route.kind : "image";
  }

  /** The sense of the search: the chosen one if the collection has it, else one that the query type requires. */
  get sense(): string {
    const { senses = [], default_sense: usual = "" } = this.collection ?? {};
    const fitting = senses.filter(({ name, supports_text }) => (this.kind === "text" ? supports_text : FOR[this.kind] === undefined || FOR[this.kind] === name));
    const names = fitting.map(({ name }) => name);
    if (names.includes(this.route.by)) return this.route.by;
    return names.includes(usual) ? usual : (names[0] ?? "");
  }

  /** Whether the sense of the search supports texts. */
  get speaks(): boolean {
    return this.collection?.senses.find(({ name }) => name === this.sense)?.supports_text ?? false;
  }

  /** The sense of the map. */
  get laid(): string {
    const names = this.collection?.senses.map(({ name }) => name).filter((name) => name !== "words") ?? [];
    return names.includes(this.route.by) ? this.route.by : (this.collection?.default_sense ?? "");
  }

  /** The parameters of the current query; null if it is empty. */
  get question(): URLSearchParams | null {
    if (!this.collection || this.route.map || this.route.duplicates) return null;
    // Words are a query type, not vectors to search by.
    const by = this.sense === "words" ? "" : this.sense;
    return question({ ...this.route, kind: this.kind, by, ...(this.speaks ? {} : UNSAID) });
  }

  /** Whether the results are those of a filter alone: images by path, without scores. */
  get filterAlone(): boolean {
    return this.answer?.recipe === "where";
  }

  /** The shown answer as a whole. */
  get summary(): Summary | null {
    return this.answer && summary(this.answer, this.#answered, this.judging);
  }

  /** Whether feedback can be given on the hits. */
  get markable(): boolean {
    return this.kind !== "words" && this.answer !== null && !this.filterAlone;
  }

  /** Whether the service rejected the filter. */
  get filterWrong(): boolean {
    return this.route.where !== "" && this.trouble?.status === 422 && /filter|compare/.test(this.trouble.message);
  }

  /** Whether the service rejected the histogram. */
  get numbersWrong(): boolean {
    return this.route.histogram !== "" && this.trouble?.status === 422 && /histogram/.test(this.trouble.message);
  }

  /** The use of a dropped or pasted image. */
  get wanted(): "image" | "colours" {
    return this.kind === "colours" && this.picking ? "colours" : "image";
  }

  get queryAddress(): string {
    return this.kind === "image" || this.kind === "sketch" ? this.imageAddress : "";
  }

  /** The URL of the query image, or of the image to pick colours from. */
  get imageAddress(): string {
    const { upload, id, collection } = this.route;
    if (upload) return api.uploadAddress(upload);
    return id && this.kind !== "sketch" ? api.imageAddress(collection, id) : "";
  }

  get hit(): Hit | null {
    const { hit } = this.route;
    const found = this.answer?.hits.find(({ id }) => String(id) === hit);
    return found ?? (this.answer && String(this.#displaced?.id) === hit ? this.#displaced : null);
  }

  async start(): Promise<void> {
    addEventListener("popstate", () => {
      this.#opened = false;
      this.route = read(location.search);
      this.#settle(0);
      if (this.detail?.id !== this.route.collection) {
        this.detail = null;
        void this.refresh();
      }
    });
    addEventListener("online", () => this.offline && void this.load());
    await this.load();
  }

  /** Load the collections, then search for the query of the URL. */
  async load(): Promise<void> {
    try {
      this.collections = await api.collections();
      this.trouble = null;
    } catch (error) {
      return this.fail(error);
    }
    if (!this.collection && this.collections[0]) this.go({ collection: this.collections[0].id }, "replace");
    this.#asked = "";
    this.tries += 1;
    this.#settle(0);
    await this.refresh();
  }

  /** Reload the state of the collection. */
  async refresh(): Promise<void> {
    const id = this.route.collection;
    if (!this.collection) return;
    try {
      const detail = await api.collection(id);
      if (id !== this.route.collection) return;
      this.detail = detail;
      this.collections = this.collections?.map((each) => (each.id === id ? { ...each, ...detail } : each)) ?? null;
      const job = detail.job;
      if (job) jobs.watch(id, job, () => this.ingested());
    } catch (error) {
      this.fail(error);
    }
  }

  /** A job has ended: the shown results may be out of date. */
  async ingested(): Promise<void> {
    await this.refresh();
    this.#asked = "";
    this.tries += 1;
    this.#settle(0);
  }

  go(change: Partial<Route>, how: How = "push", wait = how === "push" ? 0 : SETTLE_MS): void {
    this.route = { ...this.route, ...change };
    const address = location.pathname + write(this.route);
    if (how === "push" && address !== location.pathname + location.search) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
    this.#settle(wait);
  }

  /** Change the query type. A sketch is not a query image, nor the reverse. */
  turn(kind: Kind): void {
    const kept = (kind === "sketch") === (this.kind === "sketch");
    // A running upload belongs to the previous query type.
    if (!kept) this.#drop();
    this.go({ kind, hit: "", ...UNMARKED, ...(kept ? {} : { upload: "", size: null, box: null }) });
  }

  choose(collection: string): void {
    this.detail = null;
    this.answer = null;
    const { map, duplicates, kind, upload, size, box, colours, histogram, texts, minusTexts, words, where } = this.route;
    const kinds = offered(this.collections?.find(({ id }) => id === collection) ?? null);
    // A collection without sketch search must not use the sketch as a query image.
    const kept = upload && (kind !== "sketch" || kinds.includes(kind)) ? { upload, size, box } : {};
    this.go({ ...blank(collection), map, duplicates, kind, colours, histogram, texts, minusTexts, words, where, ...kept });
    void this.refresh();
  }

  /** Search with an image or a sketch, or pick colours from an image; of several uploads, the last one counts. */
  async ask(file: Blob, kind: "image" | "sketch" | "colours" = "image", shown = false): Promise<void> {
    const turn = ++this.#turn;
    this.uploading = true;
    this.trouble = null;
    try {
      const { upload, width, height } = await api.upload(file);
      if (turn !== this.#turn) return;
      this.drawn = shown ? upload : "";
      // The lines of a sketch are not separate steps of the history.
      const how = shown && this.route.upload ? "replace" : "push";
      this.go({ kind, upload, id: "", size: [width, height], box: null, hit: "", k: PAGE, ...UNMARKED }, how, 0);
    } catch (error) {
      if (turn === this.#turn) this.fail(error);
    } finally {
      if (turn === this.#turn) this.uploading = false;
    }
  }

  /** The drawing area is empty: clear the query. */
  undraw(): void {
    this.#drop();
    this.drawn = "";
    this.go({ upload: "", size: null, hit: "", k: PAGE, ...UNMARKED });
  }

  filter(where: string): void {
    this.go({ where: where.trim(), hit: "", k: PAGE });
  }

  /** Search by another sense, which the collection may have got since it was loaded. */
  async look(by: string): Promise<void> {
    if (!this.collection?.senses.some(({ name }) => name === by)) await this.refresh();
    this.go({ by, hit: "" });
  }

  like(hit: Pick<Hit, "id" | "width" | "height">): void {
    const size: [number, number] = [hit.width, hit.height];
    this.go({ map: false, duplicates: false, kind: "image", upload: "", id: String(hit.id), size, box: null, hit: "", k: PAGE, ...UNMARKED, ...UNSAID });
    scrollTo({ top: 0 });
  }

  /** Set or remove feedback on a hit; `at` is the position of its card, if that was used. */
  mark(hit: Pick<Hit, "id" | "path">, mark: Mark, at = -1): void {
    const { likes, unlikes } = this.route;
    const set = !this.route[mark].includes(hit.id);
    if (set && likes.length + unlikes.length >= MARKS) return;
    this.marked = at < 0 ? null : { id: hit.id, mark, at };
    this.names = { ...this.names, [hit.id]: hit.path };
    const others = { likes: likes.filter((id) => id !== hit.id), unlikes: unlikes.filter((id) => id !== hit.id) };
    // An image with negative feedback is no longer a hit, so its dialog closes.
    const left = set && mark === "unlikes" ? { hit: "" } : {};
    this.go({ ...others, ...(set ? { [mark]: [...others[mark], hit.id] } : {}), ...left });
  }

  /** Update the labels of a hit. */
  relabel(id: number, labels: Label[]): void {
    if (this.answer) this.answer = { ...this.answer, hits: this.answer.hits.map((hit) => (hit.id === id ? { ...hit, labels } : hit)) };
  }

  unmark(): void {
    this.marked = null;
    this.go(UNMARKED);
  }

  clear(): void {
    this.go({ map: false, duplicates: false, upload: "", id: "", size: null, box: null, colours: [], histogram: "", words: "", where: "", hit: "", k: PAGE, ...UNMARKED, ...UNSAID });
  }

  more(): void {
    this.go({ k: Math.min(MOST, this.route.k + PAGE) }, "replace");
  }

  open(hit: Hit): void {
    this.#opened = !this.route.hit || this.#opened;
    this.go({ hit: String(hit.id) }, this.route.hit ? "replace" : "push");
  }

  /** Close the open hit by going back, so that the history does not fill with opened hits. */
  close(): void {
    if (!this.route.hit) return;
    if (this.#opened) history.back();
    else this.go({ hit: "" }, "replace");
    this.#opened = false;
  }

  again(): void {
    this.#asked = "";
    this.tries += 1;
    this.trouble = null;
    if (this.collections) this.#settle(0);
    else void this.load();
  }

  #drop(): void {
    this.#turn += 1;
    this.uploading = false;
  }

  /** The key of the current search; empty without a query. */
  get #key(): string {
    const asked = this.question;
    asked?.set("k", String(this.route.k));
    return asked ? `${this.route.collection}?${asked}` : "";
  }

  #settle(wait: number): void {
    clearTimeout(this.#timer);
    this.waiting = wait > 0 && this.#key !== this.#asked;
    if (wait) this.#timer = window.setTimeout(() => void this.#search(), wait);
    else void this.#search();
  }

  async #search(): Promise<void> {
    this.waiting = false;
    const asked = this.question;
    asked?.set("k", String(this.route.k));
    const key = this.#key;
    if (key === this.#asked) return;
    this.#asked = key;
    this.#running?.abort();
    this.#running = null;
    // Where only more is asked for, the verdicts that are there stay until all are.
    const grows = this.answer !== null && !this.judging && asked !== null && alike(asked, this.#answered);
    this.searching = this.judging = false;
    if (!this.offline) this.trouble = null;
    if (!asked) {
      this.answer = null;
      this.said = "";
      return;
    }
    const running = (this.#running = new AbortController());
    this.searching = true;
    try {
      const answer = await api.search(this.route.collection, asked, running.signal, (answer) => {
        if (!grows) this.#show(answer, asked, true);
      });
      this.#show(answer, asked, false);
      this.trouble = null;
      this.#tell(answer);
    } catch (error) {
      if (running.signal.aborted) return;
      this.answer = null;
      this.fail(error);
    }
    if (this.#running === running) this.searching = this.judging = false;
  }

  /** Show an answer; that hits are judged is told once. */
  #show(answer: SearchResponse, asked: URLSearchParams, judging: boolean): void {
    const begins = judging && !this.judging;
    const { hit } = this;
    const lacks = hit !== null && alike(asked, this.#answered) && !answer.hits.some(({ id }) => id === hit.id);
    this.#displaced = lacks ? { ...hit, why: "no longer among the hits" } : null;
    this.answer = answer;
    this.#answered = asked;
    this.judging = judging;
    if (begins) this.said = this.summary?.spoken ?? "";
  }

  #tell(answer: SearchResponse): void {
    const found = answer.hits.length;
    const marks = this.route.likes.length + this.route.unlikes.length;
    const refined = marks && this.markable ? `Refined by feedback on ${count(marks, "image")}. ` : "";
    if (!found) this.said = `${refined}${capital(answer.empty_because) || "No images found"}.`;
    else if (this.filterAlone) this.said = `${passing(found)}.`;
    else if (this.sense === "words") this.said = `${holding(found)}, best first.`;
    else this.said = `${refined}${this.summary?.spoken ?? ""}`;
  }

  fail(error: unknown): void {
    this.trouble = error instanceof Trouble ? error : new Trouble(-1, String(error), "Reload the page.");
    this.said = `${this.trouble.message} ${this.trouble.hint}`;
    clearTimeout(this.#retry);
    if (this.offline) this.#retry = window.setTimeout(() => this.offline && void this.load(), RETRY_MS);
  }
}

export const store = new Store();
