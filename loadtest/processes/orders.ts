import type { ContenderId, ContenderSettings } from "../contenders/contender.ts";
import type { PartSettings, RestPart } from "../rest/parts.ts";

/*
 * What the bench says to its processes, and what they answer, over the IPC channel that Node opens to a child.
 */

export interface ServerStart {
  readonly kind: "serve";
  readonly contender: ContenderId;
  readonly settings: ContenderSettings;
}

export interface ClientStart {
  readonly kind: "connect";
  readonly contender: ContenderId;
  readonly port: number;
  readonly settings: ContenderSettings;
}

/**
 * N loops that each await an answer before the next call; what happens in the warm-up is not counted. The time to measure
 * is at least what is said, and longer for one that answers few calls meanwhile.
 */
export interface ClosedLoopOrder {
  readonly kind: "closed-loop";
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Costs a clock reading per call, so it is left out where only the rate is asked. */
  readonly latency: boolean;
}

/** Calls at a fixed rate, whatever the answers do; the pacer wakes every millisecond and sends what has become due. */
export interface OpenLoopOrder {
  readonly kind: "open-loop";
  readonly callsPerSecond: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** Calls that the server holds: how much heap each takes while it waits. */
export interface HoldOrder {
  readonly kind: "hold";
  readonly calls: number;
}

/** A front or a service of the rows `gateway/rest/*`. */
export interface PartStart {
  readonly kind: "serve-part";
  readonly part: RestPart;
  readonly settings: PartSettings;
}

/**
 * GETs over HTTP/1.1 without pipelining, for users who are never asked for twice at a time. As fast as the answers come, or
 * at a fixed rate; a call that is due while all connections are busy waits, and its latency counts from when it was due.
 */
export interface HttpLoadOrder {
  readonly kind: "http-load";
  readonly port: number;
  /** Sent along, also to those who do not look at it. */
  readonly authorization: string;
  readonly connections: number;
  /** Undefined for as fast as they come. */
  readonly callsPerSecond?: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** ValidateToken at a fixed rate, for good tokens in turn, of one who serves it. */
export interface TokenLoadOrder {
  readonly kind: "token-load";
  readonly redisUrl: string;
  readonly serviceName: string;
  readonly tokens: readonly { readonly token: string; readonly userId: string }[];
  readonly callsPerSecond: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export type Order =
  | ServerStart
  | ClientStart
  | ClosedLoopOrder
  | OpenLoopOrder
  | HoldOrder
  | PartStart
  | HttpLoadOrder
  | TokenLoadOrder
  | { readonly kind: "resources" }
  | { readonly kind: "heap" }
  | { readonly kind: "held" }
  | { readonly kind: "open-connections" }
  | { readonly kind: "let-go" };

export interface Started {
  readonly port: number;
  readonly label: string;
  readonly note: string;
}

/** What a process has used by now. */
export interface Resources {
  readonly cpuMs: number;
  readonly atMs: number;
}

export interface LoadResult {
  readonly calls: number;
  /** Answers to another question, and calls that failed. */
  readonly wrong: number;
  /** What the first of them said. */
  readonly firstError: string | undefined;
  readonly elapsedMs: number;
  /** CPU of the client's process per counted call. */
  readonly cpuMicrosPerCall: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What an HTTP load found. */
export interface HttpLoadResult extends LoadResult {
  /** `calls` are those in the time that counts; these are from the first to the last, for the CPU that the servers used meanwhile. */
  readonly allCalls: number;
}

export interface HoldResult {
  readonly wrong: number;
  readonly firstError: string | undefined;
}

/** The programs of this folder that orders are given to. */
export type MainFile = "server-main.ts" | "client-main.ts" | "part-main.ts" | "driver-main.ts";

export interface Request {
  readonly id: number;
  readonly order: Order;
}

export type Reply = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: string };
