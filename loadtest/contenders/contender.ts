import type { Answer, ServedAnswer } from "../workload.ts";

/*
 * What a contender is: a way to serve ValidateToken in one process and to call it from another. Each is written as its
 * makers recommend it, with nothing left out that makes it faster; `note` says what was chosen.
 */

/** Answers a token, at once or when the held calls are let go. */
export type Handler = (token: string) => ServedAnswer | Promise<ServedAnswer>;

/** What a process is told besides which contender it is. */
export interface ContenderSettings {
  /** The private registry of this run; only ours asks for one. */
  readonly redisUrl: string;
  /** Name under which ours registers, so that several servers of one run keep apart. */
  readonly serviceName: string;
  /** Ours: the fixed size of the pool to one instance; its own defaults when absent. Others: how many connections. */
  readonly connections?: number;
  /** Ours: how many instances must be known before the first call. */
  readonly instances?: number;
}

export interface ContenderServer {
  readonly port: number;
}

export interface ContenderClient {
  /** One call. Rejects when it fails. */
  validate(token: string): Promise<Answer>;
  /** How many connections are open; only where they can be counted. */
  openConnections?(): Promise<number>;
}

export interface Contender {
  readonly id: ContenderId;
  /** As tables and charts call it. */
  readonly label: string;
  readonly note: string;
  serve(handler: Handler, settings: ContenderSettings): Promise<ContenderServer>;
  connect(port: number, settings: ContenderSettings): Promise<ContenderClient>;
}

export const contenderIds = [
  "weft",
  "grpc-js",
  "connect-grpc",
  "connect",
  "moleculer",
  "fastify",
  "bare-framing",
] as const;

export type ContenderId = (typeof contenderIds)[number];
