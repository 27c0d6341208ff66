import { RealtimeError } from "./errors.ts";
import { httpErrorOf } from "./http-error.ts";
import type { TokenPurpose, TokenSource } from "./options.ts";
import { type FetchLike, type ResponseLike, systemPlatform } from "./platform.ts";

/*
 * Tickets of a gateway (`POST /api/realtime/tickets`) for an access token. A token that is refused is replaced once; is that
 * one refused as well, nobody is signed in. All else is an outage of the moment: the client comes back.
 */

export interface TicketSourceOptions {
  /** Where tickets are given: of the gateway, or of a page's own server that asks the gateway. */
  readonly url: string | URL;
  readonly token: TokenSource;
  /** In the place of the browser's or Node's. */
  readonly fetch?: FetchLike;
}

/** Makes the option `ticket` of `connect`. */
export function createTicketSource({ url, token, fetch = systemPlatform().fetch }: TicketSourceOptions): TokenSource {
  if (fetch === undefined) {
    throw new RealtimeError("invalid_argument", "there is no fetch here; give one as the option fetch");
  }
  const askWith = async (purpose: TokenPurpose, request: { readonly signal: AbortSignal }) => {
    const given = await token(purpose, request);
    if (typeof given !== "string" || given === "") {
      return undefined;
    }
    const headers = { authorization: `Bearer ${given}` };
    return fetch(String(url), { method: "POST", headers, cache: "no-store", signal: request.signal });
  };
  return async (purpose, request) => {
    const first = await askWith(purpose, request);
    const response = first?.status === 401 && purpose !== "refused" ? await askWith("refused", request) : first;
    return response === undefined ? null : ticketOf(response);
  };
}

async function ticketOf(response: ResponseLike): Promise<string> {
  if (response.status === 200) {
    const body = await response.json().catch(() => undefined);
    const ticket = (body as { readonly ticket?: unknown } | undefined)?.ticket;
    if (typeof ticket === "string" && ticket !== "") {
      return ticket;
    }
  }
  const { message, reason, retryAfterMs } = await httpErrorOf(response);
  const code = response.status === 401 ? "unauthenticated" : "unavailable";
  throw new RealtimeError(code, message, { reason, retryAfterMs });
}
