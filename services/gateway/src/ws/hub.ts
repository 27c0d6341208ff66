import { Code, type ConnectError } from "@connectrpc/connect";
import type { TokenVerifier } from "@weft/auth/verifier";
import { errorWithHttpStatus, serviceError } from "@weft/mesh";
import { type EdgeOptions, finished, prepareRequest } from "../http/edge.ts";
import { errorResponse } from "../http/error-response.ts";
import type { HttpRequest, UpgradeDecision, WebSocketRoute } from "../http/http-server.ts";
import { verifyBearer } from "../upstream/authenticate.ts";
import type { Subscriber } from "./channel-access.ts";
import { ConnectionManager } from "./connection-manager.ts";
import { Session, type SessionDependencies } from "./session.ts";

/*
 * The WebSocket endpoint (GW-09, RT-01): decides on upgrades, makes a session of each, and ends sessions when their login
 * has ended or the gateway drains.
 *
 * A browser sends cookies and lets any page open a WebSocket to any server, so an Origin that is not on the CORS list is
 * refused (cross-site WebSocket hijacking); clients that are no browsers send none. Whoever sends a token with the upgrade
 * learns from the HTTP status that it is bad; who sends none has to connect in the first frame.
 */

const subprotocol = "weft.v1";

export interface HubOptions extends Omit<SessionDependencies, "manager" | "verifier"> {
  readonly verifier: Pick<TokenVerifier, "verify" | "onRevoked">;
  readonly edge: Pick<EdgeOptions, "cors" | "securityHeaders" | "clientAddress" | "random">;
}

export interface Hub {
  readonly route: WebSocketRoute;
  readonly manager: ConnectionManager;
  /** Refuses upgrades from now on, tells every client, and closes. */
  drain(): void;
  close(): Promise<void>;
}

/** Frames up to this many times the limit are answered with a close and its reason; longer ones are cut off. */
const frameLimitMargin = 4;

export function createHub(options: HubOptions): Hub {
  const { limits, verifier, edge } = options;
  const manager = new ConnectionManager({
    maxConnections: limits.connections,
    maxConnectionsPerUser: limits.connectionsPerUser,
  });
  const dependencies: SessionDependencies = { ...options, manager };
  const stopListening = verifier.onRevoked((sessionId) => manager.revoke(sessionId));
  let draining = false;

  async function decide(request: HttpRequest): Promise<UpgradeDecision> {
    assertUpgradable(request.headers);
    if (draining) {
      throw unavailable("DRAINING", "this gateway is about to stop; connect again");
    }
    const authorization = request.headers.get("authorization");
    const subscriber = authorization === null ? undefined : await verifyBearer(verifier, authorization);
    if (subscriber !== undefined && !manager.admits(subscriber.principal.userId)) {
      const message = `a user can have ${limits.connectionsPerUser} connections`;
      throw serviceError(Code.ResourceExhausted, "TOO_MANY_CONNECTIONS", message);
    }
    if (!manager.reserve()) {
      throw unavailable("GATEWAY_FULL", "this gateway has as many connections as it can hold");
    }
    return accept(subscriber);
  }

  function accept(subscriber: Subscriber | undefined): UpgradeDecision {
    return {
      accept: true,
      protocol: subprotocol,
      open: (connection) => {
        const session = new Session(connection, subscriber, dependencies);
        if (draining) {
          session.drain();
        }
        return session;
      },
    };
  }

  function assertUpgradable(headers: Headers): void {
    const origin = headers.get("origin");
    if (origin !== null && !edge.cors.allows(origin)) {
      throw serviceError(Code.PermissionDenied, "ORIGIN_REFUSED", "pages of this origin may not connect");
    }
    const offered = (headers.get("sec-websocket-protocol") ?? "").split(",").map((protocol) => protocol.trim());
    if (!offered.includes(subprotocol)) {
      const message = `offer the subprotocol ${subprotocol} in Sec-WebSocket-Protocol`;
      throw errorWithHttpStatus(400, Code.InvalidArgument, message);
    }
  }

  return {
    manager,
    route: {
      path: "/ws",
      frameMaxBytes: limits.frameMaxBytes * frameLimitMargin,
      idleTimeoutSeconds: Math.round(limits.idleTimeoutMs / 1000),
      upgrade: async (request) => {
        const correlationId = prepareRequest(request, edge);
        try {
          return await decide(request);
        } catch (error) {
          const response = finished(errorResponse(error, correlationId), request, correlationId, edge);
          return { accept: false, response };
        }
      },
    },
    drain: () => {
      draining = true;
      manager.drain();
    },
    close: async () => {
      stopListening();
      await options.feed.close();
    },
  };
}

function unavailable(reason: string, message: string): ConnectError {
  const error = serviceError(Code.Unavailable, reason, message, { retryAfterMs: 1000 });
  error.metadata.set("retry-after", "1");
  return error;
}
