import type { Answer, ServerFrame } from "./protocol.ts";

/*
 * One connection from its opening to its end, whatever carries it: a WebSocket (socket-link.ts), or where none can be opened a
 * stream of events (stream-link.ts).
 *
 * Answers are handed over in the turn in which they come, not by promises: a push behind an answer may be read in the same
 * turn, and must find the answer dealt with. `ended` is heard once, after which nothing is.
 */

export interface LinkEnd {
  /** The close code, or 1006 when there was none. */
  readonly code: number;
  readonly reason: string;
}

export interface LinkListener {
  /** Not in the turn of the construction. */
  opened(): void;
  frame(frame: Exclude<ServerFrame, { readonly kind: "answer" }>): void;
  ended(end: LinkEnd): void;
}

/** What becomes of a command; undefined when no answer came in time. Not called when the connection ends first. */
export type Settle = (answer: Answer | undefined) => void;

export interface Link {
  /** Sends a command; does nothing before the opening and after the end. */
  request(command: string, body: object, settle: Settle): void;
  /** Asks whether the other side is there, which has `timeoutMs` to show it, or what is left of an earlier time. */
  probe(timeoutMs: number, reason: string): void;
  /** Ends the connection and lets the listener hear it. */
  close(code: number, reason: string): void;
}
