import type { OwnRoute } from "../http/edge.ts";
import { jsonResponse } from "../http/error-response.ts";
import { refusalOf } from "../traffic/call-gate.ts";
import { clientKey } from "../traffic/client-key.ts";
import { rateLimitHeaders } from "../traffic/rate-limit-headers.ts";
import type { RateLimitPolicy } from "../traffic/rate-limit-policies.ts";
import type { RateLimiter } from "../traffic/rate-limiter.ts";
import { senderOf, type VerifyCredential, verifyBearer } from "../upstream/credentials.ts";
import type { Tickets } from "./tickets.ts";

/** Where tickets are asked for, over the session that the page has anyway. */
export const ticketPath = "/api/realtime/tickets";

/** As many as a user with all their connections needs when they come back at once. */
const policy: RateLimitPolicy = {
  name: "tickets",
  limit: { ratePerSecond: 2, burst: 20 },
  cost: 1,
  whenStoreAway: "local",
};

/** POST with a bearer token gives a ticket for it; with an API key, for the access token in its place. */
export function createTicketRoute(options: {
  readonly tickets: Pick<Tickets, "issue">;
  readonly verify: VerifyCredential;
  readonly limiter: Pick<RateLimiter, "take">;
  readonly onRefused: (policy: RateLimitPolicy) => void;
}): OwnRoute {
  const { tickets, verify, limiter, onRefused } = options;
  return {
    methods: ["POST"],
    answer: async ({ headers }) => {
      const { principal, token } = await verifyBearer(verify, headers.get("authorization"), senderOf(headers));
      const verdict = await limiter.take(policy, clientKey(principal, ""));
      const refusal = refusalOf(verdict);
      if (refusal !== undefined) {
        onRefused(policy);
        throw refusal;
      }
      const response = jsonResponse(200, await tickets.issue(token));
      for (const [name, value] of rateLimitHeaders(verdict)) {
        response.headers.set(name, value);
      }
      return response;
    },
  };
}
