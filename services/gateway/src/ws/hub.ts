import { Code, type ConnectError } from "@connectrpc/connect";
import type { TokenVerifier } from "@weft/auth/verifier";
import { errorWithHttpStatus, serviceError } from "@weft/mesh";
import { type EdgeOptions, finished, prepareRequest } from "../http/edge.ts";
import { errorResponse } from "../http/error-response.ts";
import type { HttpRequest, UpgradeDecision, WebSocketConnection, WebSocketRoute } from "../http/http-server.ts";
import { reconnectDelayMs } from "../traffic/reconnect-delay.ts";
import type { Subscriber } from "./channel-access.ts";
import { ConnectionManager } from "./connection-manager.ts";
import { subscriberOf } from "./credentials.ts";
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
  /**
   * Who opens a connection by this request, with a place reserved for it: `open` has to follow. Throws when they may not, or
   * there is none.
   */
  admit(request: HttpRequest): Promise<Subscriber | undefined>;
  open(connection: WebSocketConnection, subscriber: Subscriber | undefined): Session;
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
  let connectionsBeforeDrain = 0;
  const reconnectAfterMs = () => reconnectDelayMs(connectionsBeforeDrain, edge.random);

  async function admit(request: HttpRequest): Promise<Subscriber | undefined> {
    const origin = request.headers.get("origin");
    if (origin !== null && !edge.cors.allows(origin)) {
      throw serviceError(Code.PermissionDenied, "ORIGIN_REFUSED", "pages of this origin may not connect");
    }
    if (draining) {
      throw unavailable("DRAINING", "this gateway is about to stop; connect again");
    }
    const subscriber = await subscriberOf(request, options);
    if (subscriber !== undefined && !manager.admits(subscriber.principal.userId)) {
      const message = `a user can have ${limits.connectionsPerUser} connections`;
      throw serviceError(Code.ResourceExhausted, "TOO_MANY_CONNECTIONS", message);
    }
    if (!manager.reserve()) {
      throw unavailable("GATEWAY_FULL", "this gateway has as many connections as it can hold");
    }
    return subscriber;
  }

  function open(connection: WebSocketConnection, subscriber: Subscriber | undefined): Session {
    const session = new Session(connection, subscriber, dependencies);
    if (draining) {
      session.drain(reconnectAfterMs());
    }
    return session;
  }

  async function decide(request: HttpRequest): Promise<UpgradeDecision> {
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((protocol) => protocol.trim());
    if (!offered.includes(subprotocol)) {
      const message = `offer the subprotocol ${subprotocol} in Sec-WebSocket-Protocol`;
      throw errorWithHttpStatus(400, Code.InvalidArgument, message);
    }
    const subscriber = await admit(request);
    return { accept: true, protocol: subprotocol, open: (connection) => open(connection, subscriber) };
  }

  return {
    manager,
    admit,
    open,
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
      connectionsBeforeDrain = manager.count;
      manager.drain(reconnectAfterMs);
    },
    close: async () => {
      stopListening();
      options.recoverable.close();
      await options.presence.close();
      await options.feed.close();
    },
  };
}

function unavailable(reason: string, message: string): ConnectError {
  const error = serviceError(Code.Unavailable, reason, message, { retryAfterMs: 1000 });
  error.metadata.set("retry-after", "1");
  return error;
}
