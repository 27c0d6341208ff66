import type { Job, NewJob } from "./work-queue.ts";

/** 256 KiB: larger things belong in a store, with the job naming them. */
const MAX_PAYLOAD_BYTES = 256 * 1024;
const MAX_NAME_LENGTH = 200;

/** The job as JSON text and plain strings, checked. Throws `RangeError` naming the field and the limit. */
export function encodeJob(job: NewJob, newId: string, nowMs: number): { job: Job; payloadText: string } {
  assertName("type", job.type);
  if (job.id !== undefined) assertName("id", job.id);
  const payloadText: string | undefined = JSON.stringify(job.payload);
  if (payloadText === undefined) throw new RangeError("payload: JSON cannot carry this value");
  const bytes = Buffer.byteLength(payloadText);
  if (bytes > MAX_PAYLOAD_BYTES) {
    throw new RangeError(`payload: ${bytes} bytes of JSON exceed the limit of ${MAX_PAYLOAD_BYTES}`);
  }
  const encoded: Job = {
    id: job.id ?? newId,
    type: job.type,
    payload: JSON.parse(payloadText),
    enqueuedAtMs: nowMs,
    ...(job.correlationId === undefined ? {} : { correlationId: job.correlationId }),
  };
  return { job: encoded, payloadText };
}

/** Throws `RangeError` unless the name has 1 to 200 characters. */
export function assertName(field: string, name: string): void {
  if (name.length < 1 || name.length > MAX_NAME_LENGTH) {
    throw new RangeError(`${field}: ${name.length} characters, 1 to ${MAX_NAME_LENGTH} are allowed`);
  }
}

/** The text of a failure as a dead letter keeps it. */
export function failureText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, 2000);
}
