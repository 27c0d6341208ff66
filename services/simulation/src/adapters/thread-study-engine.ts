import { SimulationError } from "../domain/lifecycle/errors.ts";
import type { StudyEngine } from "../domain/studies/ports.ts";
import { startStudyThread } from "../worker/study-run.ts";

/**
 * Studies by the simulator of this repository, each in a thread of its own with threads of its own.
 *
 * A new study is checked in a thread as well: the largest architecture takes a second to be read anew for each setting, and
 * a sweep has a hundred. Few are checked at once, and nobody waits for it for long: a study that could not be checked in time
 * is taken as it is, and is FAILED with the same words when it runs.
 */
export interface ThreadStudyEngineOptions {
  /** That run the replications of one study. */
  readonly threads: number;
  /** Calls back after so many milliseconds unless what it returns is called before. */
  readonly after: (delayMs: number, work: () => void) => () => void;
}

const checkPatienceMs = 5000;
const mostChecks = 2;

export function threadStudyEngine({ threads, after }: ThreadStudyEngineOptions): StudyEngine {
  const waiting: (() => void)[] = [];
  let checks = 0;
  const leave = (): void => {
    checks -= 1;
    waiting.shift()?.();
  };
  return {
    // The patience counts from the question on: waiting for a turn takes as much of the caller's time as being checked.
    check: (task) =>
      new Promise((resolve, reject) => {
        const begin = (): void => {
          checks += 1;
          const thread = startStudyThread(
            { purpose: "check", task, threads: 0 },
            {
              onLast: (message) => {
                stopWaiting();
                leave();
                if (message.type !== "refused") resolve();
                else reject(new SimulationError(message.kind, message.message, { fields: message.fields }));
              },
            },
          );
          giveUp = () => {
            thread.end();
            leave();
          };
        };
        let giveUp = (): void => {
          waiting.splice(waiting.indexOf(begin), 1);
        };
        const stopWaiting = after(checkPatienceMs, () => {
          giveUp();
          resolve();
        });
        if (checks < mostChecks) begin();
        else waiting.push(begin);
      }),
    start: (task, { onProgress, onEnd }) => {
      const thread = startStudyThread(
        { purpose: "answer", task, threads },
        {
          onProgress,
          onLast: (message) => {
            if (message.type === "answer") {
              onEnd({ status: "COMPLETED", resultJson: message.resultJson, report: message.report });
            } else if (message.type === "refused") {
              onEnd({ status: "FAILED", error: message.message });
            } else {
              onEnd({ status: "FAILED", error: message.type === "failed" ? message.error : "it was checked only" });
            }
          },
        },
      );
      return { cancel: () => thread.end() };
    },
  };
}
