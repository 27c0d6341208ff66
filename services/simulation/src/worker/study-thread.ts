/**
 * The thread of one study: it prepares the task, lets threads of its own run the replications, and puts the answer together,
 * so that none of this is in the way of those who are served meanwhile. Ending it ends its threads.
 *
 * What is wrong with the task, or goes wrong with the system it is about, is told; anything else is left uncaught: it ends
 * the thread, and the study that owns it says so.
 */
import { parentPort, workerData } from "node:worker_threads";
import { progressSentence, type StudyProgress } from "@weft/simulator/studies";
import { prepareStudy } from "./prepare-study.ts";
import type { StudyThreadInput, StudyThreadMessage } from "./study-messages.ts";
import { refusalOf } from "./study-refusal.ts";

if (parentPort === null) throw new Error("study-thread.ts runs as a worker thread only");
const port = parentPort;
const { purpose, task, threads } = workerData as StudyThreadInput;

/** What one row and one message may hold, and more than anybody reads: a sweep of a hundred values has some megabytes. */
const mostResultBytes = 8 * 1024 * 1024;
/** Replications of small systems take microseconds, and who asks for progress asks once a second. */
const progressIntervalMs = 200;

try {
  const study = prepareStudy(task);
  if (purpose === "check") {
    tell({ type: "checked" });
  } else {
    const { result, renderPage } = await study.ask({ threads, onProgress: throttled(report) });
    const resultJson = JSON.stringify(result);
    if (resultJson.length > mostResultBytes) {
      const megabytes = (resultJson.length / 1024 / 1024).toFixed(1);
      tell({
        type: "refused",
        kind: "too_large",
        message: `the answer takes ${megabytes} MB; at most ${mostResultBytes / 1024 / 1024} are kept: ask about fewer values`,
        fields: [],
      });
    } else {
      tell({ type: "answer", resultJson, report: await renderPage?.() });
    }
  }
} catch (error) {
  const refusal = refusalOf(error);
  if (refusal === undefined) throw error;
  tell({ type: "refused", ...refusal });
}

function tell(message: StudyThreadMessage): void {
  port.postMessage(message);
}

function report(progress: StudyProgress): void {
  tell({ type: "progress", progress: progress.share ?? 0, phase: progressSentence(progress) });
}

function throttled(work: (progress: StudyProgress) => void): (progress: StudyProgress) => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  return (progress) => {
    const nowMs = performance.now();
    if (nowMs - lastMs < progressIntervalMs) return;
    lastMs = nowMs;
    work(progress);
  };
}
