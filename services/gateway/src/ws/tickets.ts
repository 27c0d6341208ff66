import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { Code } from "@connectrpc/connect";
import { RedisAwayError, serviceError } from "@weft/mesh";
import type { GatewayMetrics } from "../metrics.ts";
import type { TicketStore } from "./ticket-store.ts";

/*
 * One-time tickets, with which a page opens a connection without an access token in its URL (ASVS 5.0, 4.4.3 and 4.4.4): a
 * URL ends up in logs and histories, and a ticket that was used, or is half a minute old, is worth nothing there.
 *
 * A ticket is an id and a secret. The store has the access token under the id, sealed with a key that is derived from the
 * secret (HKDF-SHA-256, RFC 5869; AES-256-GCM, which also binds it to the id), and no gateway keeps the secret: store and
 * gateway together cannot bring a token back, only who holds the ticket can. Whether the token is still good is asked again
 * by whoever redeems: a login that has ended meanwhile takes its tickets with it.
 */

export interface IssuedTicket {
  readonly ticket: string;
  readonly expiresInSeconds: number;
}

export interface Tickets {
  /** A ticket for an access token that has been verified. Throws UNAVAILABLE while the store is away. */
  issue(token: string): Promise<IssuedTicket>;
  /**
   * The access token behind a ticket, which is used up by this, whatever comes of it. Throws UNAUTHENTICATED
   * (TICKET_INVALID) when it is none, was used or has expired, and UNAVAILABLE while the store is away.
   */
  redeem(ticket: string): Promise<string>;
}

/** Enough for a page to open a connection over a bad network; too short for whoever finds it in a log. */
const ticketLifetimeSeconds = 30;

const idBytes = 16;
const secretBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const shape = /^[A-Za-z0-9_-]{64}$/;

export function createTickets(options: {
  readonly store: TicketStore;
  readonly metrics: Pick<GatewayMetrics, "tickets">;
}): Tickets {
  const { store, metrics } = options;

  async function ask<Answer>(answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer;
    } catch (error) {
      metrics.tickets.inc({ outcome: "unavailable" });
      throw error instanceof RedisAwayError ? unavailable() : error;
    }
  }

  return {
    issue: async (token) => {
      const bytes = randomBytes(idBytes + secretBytes);
      const { id, key } = partsOf(bytes);
      await ask(store.put(id, seal(token, id, key), ticketLifetimeSeconds * 1000));
      metrics.tickets.inc({ outcome: "issued" });
      return { ticket: bytes.toString("base64url"), expiresInSeconds: ticketLifetimeSeconds };
    },
    redeem: async (ticket) => {
      const { id, key } = partsOf(shape.test(ticket) ? Buffer.from(ticket, "base64url") : refuse());
      const sealed = await ask(store.take(id));
      const token = sealed === undefined ? undefined : open(sealed, id, key);
      if (token === undefined) {
        return refuse();
      }
      metrics.tickets.inc({ outcome: "redeemed" });
      return token;
    },
  };

  function refuse(): never {
    metrics.tickets.inc({ outcome: "refused" });
    const message = "the ticket was used, has expired or never was one; get another";
    throw serviceError(Code.Unauthenticated, "TICKET_INVALID", message);
  }
}

function partsOf(ticket: Buffer): { readonly id: string; readonly key: Uint8Array } {
  const id = ticket.subarray(0, idBytes);
  const key = hkdfSync("sha256", ticket.subarray(idBytes), id, "weft real-time ticket", 32);
  return { id: id.toString("base64url"), key: new Uint8Array(key) };
}

/** Nonce, tag and ciphertext. */
function seal(token: string, id: string, key: Uint8Array): string {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(id));
  const text = Buffer.concat([cipher.update(token, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString("base64");
}

/** Undefined when it was sealed with another key or has been changed. */
function open(sealed: string, id: string, key: Uint8Array): string | undefined {
  const bytes = Buffer.from(sealed, "base64");
  const behindTag = nonceBytes + tagBytes;
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(id)).setAuthTag(bytes.subarray(nonceBytes, behindTag));
    return Buffer.concat([decipher.update(bytes.subarray(behindTag)), decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}

function unavailable(): Error {
  const message = "tickets cannot be given out or redeemed at the moment; try again";
  const error = serviceError(Code.Unavailable, "TICKETS_UNAVAILABLE", message, { retryAfterMs: 1000 });
  error.metadata.set("retry-after", "1");
  return error;
}
