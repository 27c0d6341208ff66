import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import { ClientMethod } from "../src/client/client-method.ts";
import type { LaneCounters } from "../src/lane/lane-counters.ts";
import type { MetadataList } from "../src/lane/metadata.ts";
import { Metrics } from "../src/metrics/metrics.ts";
import type { Connection, OutgoingCall } from "../src/pool/connection.ts";

/** One call handed straight to a connection, without pool, balancer or deadline. */
export class ProbeCall implements OutgoingCall {
  readonly method: ClientMethod;
  readonly message: Message;
  readonly metadata: MetadataList | undefined;
  readonly deadlineMs: number;
  readonly sentAtMs = performance.now();
  /** Resolves with the answer, rejects with the failure. */
  readonly answer: Promise<Message>;
  laneCallId = -1;
  laneBatch = 0;
  trace0 = 1;
  trace1 = 2;
  trace2 = 3;
  trace3 = 4;
  span0 = 5;
  span1 = 6;
  traceFlags = 0;
  headers: MetadataList | undefined;
  trailers: MetadataList | undefined;
  /** How often it was told about its end; more than once is a fault. */
  ends = 0;
  readonly #settle: PromiseWithResolvers<Message>;

  constructor(desc: DescMethodUnary, message: Message, options: { metadata?: MetadataList; timeoutMs?: number } = {}) {
    this.method = methodOf(desc);
    this.message = message;
    this.metadata = options.metadata;
    this.deadlineMs = this.sentAtMs + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
    this.#settle = Promise.withResolvers<Message>();
    this.answer = this.#settle.promise;
    this.answer.catch(() => undefined);
  }

  /** Sends it and resolves with its answer. */
  on(connection: Connection): Promise<Message> {
    connection.send(this);
    return this.answer;
  }

  onAnswer(message: Message, headers: MetadataList | undefined, trailers: MetadataList | undefined): void {
    this.ends += 1;
    this.headers = headers;
    this.trailers = trailers;
    this.#settle.resolve(message);
  }

  onFailure(error: Error): void {
    this.ends += 1;
    this.#settle.reject(error);
  }
}

const metrics = new Metrics();
const methods = new Map<DescMethodUnary, ClientMethod>();

function methodOf(desc: DescMethodUnary): ClientMethod {
  const method = methods.get(desc) ?? new ClientMethod(methods.size + 1, desc, "probed", metrics);
  methods.set(desc, method);
  return method;
}

export function noCounters(): LaneCounters {
  return { lanes: 0, framesIn: 0, framesOut: 0, batchesIn: 0, batchesOut: 0, bytesIn: 0, bytesOut: 0 };
}
