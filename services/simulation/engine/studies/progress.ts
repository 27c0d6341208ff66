/** How far a study is: in words, and as a share of everything that its question takes. */
import type { Report, StudyProgress } from "./run-study.ts";

/** "checkout.instances 4: 12 of 40 replications, p99 ±3.1 %". Pure. */
export function progressSentence({ subject, phase, done, of, p99Ms }: StudyProgress): string {
  const step = phase === "warm-up" ? `finding the warm-up: ${done} of ${of} pilots` : `${done} of ${of} replications`;
  const what = subject === undefined ? step : `${subject}: ${step}`;
  if (p99Ms === undefined || done < 2 || p99Ms.value === 0) return what;
  return `${what}, p99 ±${((100 * (p99Ms.high - p99Ms.value)) / p99Ms.value).toFixed(1)} %`;
}

/** Tells how much of all replications, pilots included, is done; each step of the study begins with none done. */
export function withShare(allReplications: number, report: Report): Report {
  let before = 0;
  let last = 0;
  return (progress) => {
    if (progress.done < last) before += last;
    last = progress.done;
    report({ ...progress, share: Math.min(1, (before + last) / allReplications) });
  };
}
