import type { StudyProgress } from "./run-study.ts";

/*
 * How far a study is, on standard error, so that the result can be piped. A terminal gets one line that changes; a file or
 * a log a line for every tenth of the work.
 */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

export function showProgress(stream: ProgressStream): {
  readonly report: (progress: StudyProgress) => void;
  readonly end: () => void;
} {
  const isTerminal = stream.isTTY === true;
  let shown = "";
  return {
    report: (progress) => {
      if (isTerminal) {
        shown = formatProgress(progress);
        stream.write(`\r\x1b[K${shown}`);
        return;
      }
      const { phase, done, of } = progress;
      const tenth = `${phase} ${Math.floor((done * 10) / of)}`;
      if (tenth === shown) return;
      shown = tenth;
      if (done * 10 >= of) stream.write(`${formatProgress(progress)}\n`);
    },
    end: () => {
      if (isTerminal && shown !== "") stream.write("\r\x1b[K");
    },
  };
}

/** "12 of 40 replications, p99 ±3.1 %". Pure. */
function formatProgress({ phase, done, of, p99Ms }: StudyProgress): string {
  const what = phase === "warm-up" ? `finding the warm-up: ${done} of ${of} pilots` : `${done} of ${of} replications`;
  if (p99Ms === undefined || done < 2 || p99Ms.value === 0) return what;
  return `${what}, p99 ±${((100 * (p99Ms.high - p99Ms.value)) / p99Ms.value).toFixed(1)} %`;
}
