import { Worker } from "node:worker_threads";
import type { StudyThreadInput, StudyThreadMessage } from "./study-messages.ts";

/**
 * A study's thread as its owner sees it. It ends exactly once: with its last message, or as "failed" when it throws, exits
 * or runs out of memory. Ending it from here ends its own threads too, at once and without a word.
 */
export interface StudyThread {
  end(): void;
}

type LastMessage =
  | Exclude<StudyThreadMessage, { type: "progress" }>
  | { readonly type: "failed"; readonly error: string };

export function startStudyThread(
  input: StudyThreadInput,
  listener: {
    readonly onProgress?: (progress: { progress: number; phase: string }) => void;
    readonly onLast: (message: LastMessage) => void;
  },
): StudyThread {
  let hasEnded = false;
  const worker = new Worker(new URL("./study-thread.ts", import.meta.url), {
    name: "study",
    workerData: input,
    env: {},
    // Running TypeScript unbuilt makes every thread print a warning otherwise.
    execArgv: ["--disable-warning=ExperimentalWarning"],
  });
  const last = (message: LastMessage): void => {
    if (hasEnded) return;
    hasEnded = true;
    void worker.terminate();
    listener.onLast(message);
  };
  worker.on("message", (message: StudyThreadMessage) => {
    if (message.type !== "progress") last(message);
    else if (!hasEnded) listener.onProgress?.({ progress: message.progress, phase: message.phase });
  });
  worker.on("error", (error) => last({ type: "failed", error: `the study's thread failed: ${messageOf(error)}` }));
  worker.on("messageerror", (error) =>
    last({ type: "failed", error: `the study's thread sent what cannot be read: ${messageOf(error)}` }),
  );
  worker.on("exit", (code) => last({ type: "failed", error: `the study's thread ended with code ${code}` }));
  return {
    end: () => {
      hasEnded = true;
      void worker.terminate();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
