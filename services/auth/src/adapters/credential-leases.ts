/**
 * Which logins and API keys are known to be live, so that a token that is asked about often does not cost a query each time.
 *
 * What the database said is believed for a second from when it was asked. A lease ends at once when this instance ends the
 * session or key, and as soon as another one's announcement arrives. So a logout is final here at once, elsewhere within
 * milliseconds, and within the second whatever becomes of the announcement: Redis makes it quicker and is not relied on. While
 * PostgreSQL is away no lease begins, and after a second nothing is called live any more.
 *
 * A lease that is asked for in its second half is renewed behind the answer, so who calls all the time never waits for the
 * database. What has ended is remembered by itself: a query that began before the end must not make a lease after it.
 */
import { type Clock, type PubSub, RecentMap } from "@weft/mesh";
import type { Principal } from "../verifier/principal.ts";
import { decodeRevocationMessage, revocationChannel } from "../verifier/revocation-protocol.ts";

export interface CredentialLeases {
  /** Whether the credential behind the token is known to be live; false says nothing of it. */
  holds(principal: Principal): boolean;
  /** Asks the source; rejects when that cannot be asked. */
  ask(principal: Principal): Promise<boolean>;
  /** These have ended. */
  end(ids: readonly string[]): void;
  close(): Promise<void>;
}

export interface CredentialLeasesOptions {
  /** Asks the database about the login or API key of a token. */
  readonly isLive: (principal: Principal) => Promise<boolean>;
  readonly pubsub: PubSub;
  readonly clock: Pick<Clock, "monotonicMs">;
}

interface Lease {
  readonly untilMs: number;
  /** Infinity while that is under way. */
  renewAtMs: number;
}

/** Half of the two seconds within which a logout has to reach everybody. */
export const leaseMs = 1_000;
const remembered = 10_000;

export async function createCredentialLeases(options: CredentialLeasesOptions): Promise<CredentialLeases> {
  const { isLive, pubsub, clock } = options;
  const leases = new RecentMap<string, Lease>(remembered);
  const ended = new RecentMap<string, true>(remembered);

  async function ask(principal: Principal): Promise<boolean> {
    const { sessionId: id } = principal;
    const askedAtMs = clock.monotonicMs();
    const live = ended.get(id) === undefined && (await isLive(principal)) && ended.get(id) === undefined;
    if (live) {
      leases.set(id, { untilMs: askedAtMs + leaseMs, renewAtMs: askedAtMs + leaseMs / 2 });
    } else {
      leases.delete(id);
    }
    return live;
  }

  function end(ids: readonly string[]): void {
    for (const id of ids) {
      ended.set(id, true);
      leases.delete(id);
    }
  }

  const unsubscribe = await pubsub.subscribe(revocationChannel, (_channel, payload) => {
    end(decodeRevocationMessage(payload)?.revoked.map(({ sessionId }) => sessionId) ?? []);
  });
  return {
    holds(principal) {
      const lease = leases.get(principal.sessionId);
      if (lease === undefined) {
        return false;
      }
      const nowMs = clock.monotonicMs();
      if (nowMs >= lease.renewAtMs && nowMs < lease.untilMs) {
        lease.renewAtMs = Number.POSITIVE_INFINITY;
        // A failure is told to whoever asks once the lease has ended.
        ask(principal).catch(() => undefined);
      }
      return nowMs < lease.untilMs;
    },
    ask,
    end,
    close: unsubscribe,
  };
}
