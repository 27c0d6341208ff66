import { progressSentence, type StudyProgress } from "@weft/simulator/studies";

/*
 * How far a study is, on standard error, so that the result can be piped. A terminal gets one line that changes; a file or
 * a log a line for every tenth of the work.
 */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
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
        // A line that wraps could not be taken back.
        shown = progressSentence(progress).slice(0, (stream.columns ?? Number.POSITIVE_INFINITY) - 1);
        stream.write(`\r\x1b[K${shown}`);
        return;
      }
      const { subject, phase, done, of } = progress;
      const tenth = `${subject} ${phase} ${Math.floor((done * 10) / of)}`;
      if (tenth === shown) return;
      shown = tenth;
      if (done * 10 >= of) stream.write(`${progressSentence(progress)}\n`);
    },
    end: () => {
      if (isTerminal && shown !== "") stream.write("\r\x1b[K");
    },
  };
}

/** Nothing is written before the end, so Ctrl-C needs no care: it ends the process with all its threads at once. */
export async function withProgress<T>(work: (report: (progress: StudyProgress) => void) => Promise<T>): Promise<T> {
  const progress = showProgress(process.stderr);
  try {
    return await work(progress.report);
  } finally {
    progress.end();
  }
}
