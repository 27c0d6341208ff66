/*
 * Whether a live frame goes to a subscriber now. Pure numbers; `subscription.ts` acts on the decision.
 *
 * Frames of a simulation are pictures of a state: a later one makes an earlier one worthless, so a slow reader is skipped
 * to the newest, and told how many it missed. Messages of other channels each matter: they are queued until a reader is so
 * far behind that it is better off starting anew.
 */

export interface DeliveryInput {
  /** Whether a later message replaces an earlier one. */
  readonly replaceable: boolean;
  /** What the client has not yet taken. */
  readonly bufferedBytes: number;
  /** Above it, replaceable messages wait. */
  readonly softBytes: number;
  /** Above it, the connection ends. */
  readonly hardBytes: number;
  /** Since the last message was sent on this subscription; infinite for the first. */
  readonly sinceLastMs: number;
  /** Least time between two messages; 0 for no thinning. */
  readonly intervalMs: number;
}

/** `hold`: until the client has caught up; `wait`: this long, for the rate the client asked for; `close`: too slow. */
export type DeliveryDecision =
  | { readonly action: "send" }
  | { readonly action: "hold" }
  | { readonly action: "wait"; readonly waitMs: number }
  | { readonly action: "close" };

export function decideDelivery(input: DeliveryInput): DeliveryDecision {
  if (input.bufferedBytes > input.hardBytes) {
    return close;
  }
  if (input.replaceable && input.sinceLastMs < input.intervalMs) {
    return { action: "wait", waitMs: input.intervalMs - input.sinceLastMs };
  }
  return input.replaceable && input.bufferedBytes > input.softBytes ? hold : send;
}

/** There is one such decision for each delivery. */
const send = { action: "send" } as const;
const hold = { action: "hold" } as const;
const close = { action: "close" } as const;
