import type { ContenderId, ContenderSettings } from "../contenders/contender.ts";

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

export type Order =
  | ServerStart
  | ClientStart
  | ClosedLoopOrder
  | OpenLoopOrder
  | HoldOrder
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

export interface HoldResult {
  readonly wrong: number;
  readonly firstError: string | undefined;
}

export interface Request {
  readonly id: number;
  readonly order: Order;
}

export type Reply = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly error: string };
