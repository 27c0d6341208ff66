import { Code } from "@connectrpc/connect";
import type { TokenVerifier } from "@weft/auth/verifier";
import { errorReason, errorWithHttpStatus } from "@weft/mesh";
import type { HttpRequest } from "../http/http-server.ts";
import { senderOf, type VerifyCredential, verifyBearer } from "../upstream/credentials.ts";
import type { Subscriber } from "./channel-access.ts";
import type { Tickets } from "./tickets.ts";

/*
 * Who opens a connection, by what its request carries: a bearer token, or a ticket, which pages need since browsers let them
 * set no header on a WebSocket or an EventSource. A ticket stands in the query, or for who would rather keep it out of there
 * in the list of subprotocols (`ticket.<ticket>`), the one header that pages can write.
 */

export interface Redeemer {
  readonly verifier: Pick<TokenVerifier, "verify">;
  readonly verify: VerifyCredential;
  readonly tickets: Pick<Tickets, "redeem">;
}

const subprotocolPrefix = "ticket.";

/** Whether the request says who opens the connection. */
export function carriesCredential(request: HttpRequest): boolean {
  return request.headers.has("authorization") || ticketsOf(request).length > 0;
}

/**
 * Undefined when the request carries nothing. Throws UNAUTHENTICATED for what is bad, UNAVAILABLE when that cannot be told,
 * and INVALID_ARGUMENT when it carries more than one.
 */
export async function subscriberOf(request: HttpRequest, redeemer: Redeemer): Promise<Subscriber | undefined> {
  const authorization = request.headers.get("authorization");
  const [ticket, ...more] = ticketsOf(request);
  if (more.length > 0 || (ticket !== undefined && authorization !== null)) {
    throw errorWithHttpStatus(400, Code.InvalidArgument, "send one ticket or one access token, not more");
  }
  if (ticket !== undefined) {
    return await redeem(ticket, redeemer);
  }
  return authorization === null
    ? undefined
    : await verifyBearer(redeemer.verify, authorization, senderOf(request.headers));
}

/** Whose ticket it is, if their login is still good. The ticket is used up. */
export async function redeem(ticket: string, { tickets, verifier }: Omit<Redeemer, "verify">): Promise<Subscriber> {
  const token = await tickets.redeem(ticket);
  return { principal: await verifier.verify(token), token };
}

/** Whether an error says that a token or a ticket is bad, rather than that this could not be found out. */
export function isBadCredential(error: unknown): boolean {
  const reason = errorReason(error);
  return reason?.startsWith("TOKEN_") === true || reason?.startsWith("TICKET_") === true;
}

function ticketsOf({ query, headers }: HttpRequest): string[] {
  const offered = (headers.get("sec-websocket-protocol") ?? "").split(",").map((protocol) => protocol.trim());
  return [
    ...new URLSearchParams(query).getAll("ticket"),
    ...offered
      .filter((protocol) => protocol.startsWith(subprotocolPrefix))
      .map((protocol) => protocol.slice(subprotocolPrefix.length)),
  ];
}
