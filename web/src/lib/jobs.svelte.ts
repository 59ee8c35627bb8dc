/** The job that this page follows, one at a time. */

import * as api from "./api";
import { Trouble } from "./api";

interface Running {
  id: string;
  collection: string;
  kind: string;
  step: string;
  done: number;
  total: number;
}

class Jobs {
  running = $state<Running | null>(null);
  trouble = $state.raw<Trouble | null>(null);
  /** Summary of the last job. */
  ended = $state("");
}

export const jobs = new Jobs();

let stop: (() => void) | null = null;

/** Update the collection from its folder. */
export const start = (collection: string, ended: () => void): Promise<void> => begin(collection, api.startJob(collection), ended);

/** Look for the copies of a collection. */
export const find = (collection: string, verdicts: string[], ended: () => void): Promise<void> =>
  begin(collection, api.findDuplicates(collection, verdicts), ended);

async function begin(collection: string, started: Promise<api.Started>, ended: () => void): Promise<void> {
  jobs.trouble = null;
  jobs.ended = "";
  try {
    watch(collection, await started, ended);
  } catch (error) {
    jobs.trouble = error as Trouble;
  }
}

export function watch(collection: string, { id, kind }: api.Started, ended: () => void): void {
  if (jobs.running?.id === id) return;
  stop?.();
  jobs.running = { id, collection, kind, step: "looking", done: 0, total: 0 };
  stop = api.follow(
    id,
    ({ step, done, total }) => {
      if (jobs.running?.id !== id) return;
      jobs.running = { id, collection, kind, step: step ?? "looking", done: done ?? 0, total: total ?? 0 };
    },
    (job) => {
      if (jobs.running?.id !== id) return;
      jobs.running = null;
      jobs.ended = told(job, kind);
      ended();
    },
  );
}

export async function cancel(): Promise<void> {
  if (!jobs.running) return;
  try {
    await api.cancelJob(jobs.running.id);
  } catch (error) {
    jobs.trouble = error as Trouble;
  }
}

function told(job: api.Job | null, kind: string): string {
  if (!job) return "Lost the connection to the job.";
  if (job.error) return job.error;
  if (kind === "duplicates") return job.state === "cancelled" ? "Cancelled. What was compared is remembered." : "";
  if (job.state === "cancelled") return "Cancelled. Indexed images are kept.";
  const parts = DEEDS.flatMap((deed) => (Number(job.summary?.[deed]) ? [`${job.summary![deed]} ${deed}`] : []));
  return parts.length ? `Done: ${parts.join(", ")}.` : "Done: nothing new.";
}

const DEEDS = ["added", "changed", "moved", "removed", "excluded"];
