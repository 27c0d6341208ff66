import { Code, type ConnectError } from "@connectrpc/connect";
import type { TokenVerifier } from "@weft/auth/verifier";
import { errorWithHttpStatus, serviceError } from "@weft/mesh";
import { type EdgeOptions, finished, prepareRequest } from "../http/edge.ts";
import { errorResponse } from "../http/error-response.ts";
import type { HttpRequest, UpgradeDecision, WebSocketConnection, WebSocketRoute } from "../http/http-server.ts";
import { reconnectDelayMs } from "../traffic/reconnect-delay.ts";
import { senderOf } from "../upstream/credentials.ts";
import type { Subscriber } from "./channel-access.ts";
import { codecFor, subprotocols } from "./codecs.ts";
import { ConnectionManager } from "./connection-manager.ts";
import { carriesCredential, subscriberOf } from "./credentials.ts";
import type { FrameCodec } from "./frame-codec.ts";
import { RegularChecks } from "./regular-checks.ts";
import { Session, type SessionDependencies } from "./session.ts";
import { SubscriberCounts } from "./subscriber-counts.ts";

/*
 * The WebSocket endpoint (GW-09, RT-01): decides on upgrades, makes a session of each, and ends sessions when their login
 * has ended or the gateway drains.
 *
 * A browser sends cookies and lets any page open a WebSocket to any server, so an Origin that is not on the CORS list is
 * refused (cross-site WebSocket hijacking); clients that are no browsers send none. Whoever sends a token with the upgrade
 * learns from the HTTP status that it is bad; who sends none has to connect in the first frame, and is let in at once.
 */

export interface HubOptions extends Omit<SessionDependencies, "manager" | "verifier" | "counts" | "checks"> {
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
  open(request: HttpRequest, socket: WebSocketConnection, codec: FrameCodec, who: Subscriber | undefined): Session;
  /** Refuses upgrades from now on, tells every client, and closes. */
  drain(): void;
  close(): Promise<void>;
}

/** Frames up to this many times the limit are answered with a close and its reason; longer ones are cut off. */
const frameLimitMargin = 4;

export function createHub(options: HubOptions): Hub {
  const { limits, verifier, edge, metrics } = options;
  const manager = new ConnectionManager({
    maxConnections: limits.connections,
    maxConnectionsPerUser: limits.connectionsPerUser,
  });
  const counts = new SubscriberCounts(limits.subscribersPerChannel);
  const checks = new RegularChecks(options.clock, limits.recheckIntervalMs);
  const dependencies: SessionDependencies = { ...options, manager, counts, checks };
  const stopListening = verifier.onRevoked((sessionId) => manager.revoke(sessionId));
  let draining = false;
  let connectionsBeforeDrain = 0;
  const reconnectAfterMs = () => reconnectDelayMs(connectionsBeforeDrain, edge.random);

  async function admit(request: HttpRequest): Promise<Subscriber | undefined> {
    assertWelcome(request);
    const subscriber = await subscriberOf(request, options);
    if (subscriber !== undefined && !manager.admits(subscriber.principal.userId)) {
      metrics.limited.inc({ limit: "user_connections" });
      const message = `a user can have ${limits.connectionsPerUser} connections`;
      throw serviceError(Code.ResourceExhausted, "TOO_MANY_CONNECTIONS", message);
    }
    reserve();
    return subscriber;
  }

  function assertWelcome(request: HttpRequest): void {
    const origin = request.headers.get("origin");
    if (origin !== null && !edge.cors.allows(origin)) {
      throw serviceError(Code.PermissionDenied, "ORIGIN_REFUSED", "pages of this origin may not connect");
    }
    if (draining) {
      throw unavailable("DRAINING", "this gateway is about to stop; connect again");
    }
  }

  function reserve(): void {
    if (!manager.reserve()) {
      metrics.limited.inc({ limit: "connections" });
      throw unavailable("GATEWAY_FULL", "this gateway has as many connections as it can hold");
    }
  }

  function open(
    { headers }: HttpRequest,
    socket: WebSocketConnection,
    codec: FrameCodec,
    who: Subscriber | undefined,
  ): Session {
    const session = new Session(socket, codec, who, senderOf(headers), dependencies);
    if (draining) {
      session.drain(reconnectAfterMs());
    }
    return session;
  }

  function decide(request: HttpRequest): UpgradeDecision | Promise<UpgradeDecision> {
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((protocol) => protocol.trim());
    const codec = codecFor(offered);
    if (codec === undefined) {
      const message = `offer the subprotocol ${subprotocols.join(" or ")} in Sec-WebSocket-Protocol`;
      throw errorWithHttpStatus(400, Code.InvalidArgument, message);
    }
    const accept = (subscriber: Subscriber | undefined): UpgradeDecision => {
      metrics.upgrades.inc({ status: "101" });
      return { accept: true, protocol: codec.subprotocol, open: (socket) => open(request, socket, codec, subscriber) };
    };
    if (carriesCredential(request)) {
      return admit(request).then(accept);
    }
    assertWelcome(request);
    reserve();
    return accept(undefined);
  }

  return {
    manager,
    admit,
    open,
    route: {
      path: "/ws",
      frameMaxBytes: limits.frameMaxBytes * frameLimitMargin,
      idleTimeoutSeconds: Math.round(limits.idleTimeoutMs / 1000),
      upgrade: (request) => {
        const { correlationId } = prepareRequest(request, edge);
        const refuse = (error: unknown): UpgradeDecision => {
          const response = finished(errorResponse(error, correlationId), request, correlationId, edge);
          metrics.upgrades.inc({ status: String(response.status) });
          return { accept: false, response };
        };
        try {
          const decided = decide(request);
          return decided instanceof Promise ? decided.catch(refuse) : decided;
        } catch (error) {
          return refuse(error);
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
