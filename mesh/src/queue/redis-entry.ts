import type { DeadLetter, Job } from "./work-queue.ts";

/** A stream entry as ioredis gives it: id, then names and values in turn. */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

/**
 * The keys of one queue: `weft:queue:{<name>}` for the jobs, the same with `-dlq` for dead letters, and one marker for
 * each job id that must stay unique. The braces keep them on one node of a cluster.
 */
export const queueKeys = {
  stream: (queue: string) => `weft:queue:{${queue}}`,
  deadLetters: (queue: string) => `weft:queue:{${queue}}-dlq`,
  idMarker: (queue: string, id: string) => `weft:queue:{${queue}}:id:${id}`,
} as const;

export function fieldsFromJob(job: Job, payloadText: string): string[] {
  const fields = ["id", job.id, "type", job.type, "payload", payloadText, "at", `${job.enqueuedAtMs}`];
  if (job.correlationId !== undefined) fields.push("correlation", job.correlationId);
  return fields;
}

/** The job of an entry, and the only group it is meant for, if one. Throws on an entry that is no job. */
export function jobFromFields(fields: readonly string[]): { job: Job; onlyGroup: string | undefined } {
  const values = valuesFrom(fields);
  const id = values.get("id");
  const type = values.get("type");
  const payloadText = values.get("payload");
  if (id === undefined || type === undefined || payloadText === undefined) {
    throw new TypeError("the entry lacks id, type or payload: it was not written by a work queue");
  }
  const correlationId = values.get("correlation");
  const job: Job = {
    id,
    type,
    payload: JSON.parse(payloadText),
    enqueuedAtMs: Number(values.get("at") ?? 0),
    ...(correlationId === undefined ? {} : { correlationId }),
  };
  return { job, onlyGroup: values.get("only") };
}

export interface Death {
  readonly group: string;
  readonly attempts: number;
  readonly error: string;
  readonly diedAtMs: number;
}

export function fieldsFromDeath(death: Death): string[] {
  const { group, attempts, error, diedAtMs } = death;
  return ["group", group, "attempts", `${attempts}`, "error", error, "died", `${diedAtMs}`];
}

export function deadLetterFromEntry([id, fields]: StreamEntry): DeadLetter {
  const values = valuesFrom(fields);
  return {
    id,
    group: values.get("group") ?? "",
    attempts: Number(values.get("attempts") ?? 0),
    error: values.get("error") ?? "",
    diedAtMs: Number(values.get("died") ?? 0),
    ...(values.has("payload") ? { job: jobFromFields(fields).job } : {}),
  };
}

function valuesFrom(fields: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) values.set(fields[at] ?? "", fields[at + 1] ?? "");
  return values;
}
