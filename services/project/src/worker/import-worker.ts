/**
 * The thread that reads files: one request, one answer, again and again. A refusal travels as its parts, since an error's
 * own fields do not survive the way; anything unexpected is left uncaught and ends the thread.
 */
import { parentPort } from "node:worker_threads";
import { ProjectError } from "../domain/errors.ts";
import { importArchitecture } from "../domain/formats.ts";
import type { ImportAnswer, ImportRequest } from "./messages.ts";

if (parentPort === null) throw new Error("import-worker.ts runs as a worker thread only");
const port = parentPort;

port.on("message", ({ format, content }: ImportRequest) => port.postMessage(answer({ format, content })));
port.postMessage({ type: "ready" } satisfies ImportAnswer);

function answer({ format, content }: ImportRequest): ImportAnswer {
  try {
    return { type: "read", result: importArchitecture(format, content) };
  } catch (error) {
    if (!(error instanceof ProjectError)) throw error;
    const { kind, message, fields, facts } = error;
    return { type: "refused", kind, message, fields, facts };
  }
}
