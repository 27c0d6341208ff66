import type { DescService } from "@bufbuild/protobuf";
import { Code, type ConnectRouter, createRouterTransport, type Interceptor, type Transport } from "@connectrpc/connect";
import type { ApiKeyExchange, Principal, TokenVerifier } from "@weft/auth/verifier";
import {
  type ChannelLog,
  type ChildCall,
  currentCall,
  injectTrace,
  type Logger,
  type Mesh,
  type Metrics,
  type PubSub,
  serviceError,
  systemClock,
  systemRandom,
} from "@weft/mesh";
import { createMemoryChannelLog, type MemoryChannelLog, silentLogger } from "@weft/mesh/testing";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { AuditService } from "@weft/proto/weft/auth/v1/audit_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { FactorService } from "@weft/proto/weft/auth/v1/factor_service_pb.ts";
import { ProviderService } from "@weft/proto/weft/auth/v1/provider_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { loadConfig } from "../src/config.ts";
import { createGateway, type Gateway } from "../src/gateway.ts";
import type { TlsSource } from "../src/http/http-server.ts";
import { createMemoryRateLimitStore, type RateLimitStore } from "../src/traffic/rate-limit-store.ts";
import { createMemoryPresenceStore } from "../src/ws/memory-presence-store.ts";
import type { PresenceStore } from "../src/ws/presence-store.ts";
import { createMemoryTicketStore, type TicketStore } from "../src/ws/ticket-store.ts";
import { RecordedMetrics } from "./recorded-metrics.ts";
import { ScriptedPubSub } from "./scripted-pubsub.ts";

/*
 * A gateway on a real port, with everything behind it scripted: services by routers in memory, tokens by name ("alice"
 * is alice's), pub/sub by hand.
 */

/** What a scripted service saw of a call. */
export interface SeenCall {
  readonly method: string;
  readonly headers: Headers;
  readonly correlationId: string | undefined;
}

export interface GatewayHarness {
  readonly gateway: Gateway;
  readonly port: number;
  readonly url: string;
  readonly pubsub: ScriptedPubSub;
  /** What publishes through `pubsub` and remembers. */
  readonly channels: MemoryChannelLog;
  readonly metrics: RecordedMetrics;
  readonly verifier: ScriptedVerifier;
  readonly calls: SeenCall[];
  /** How many instances each peer has; 1 unless changed. */
  readonly instances: Map<string, number>;
  stop(): Promise<void>;
}

const peers = {
  "auth-service": [AuthService, AccountService, FactorService, ProviderService, AuditService],
  "project-service": [ProjectService],
  "simulation-service": [SimulationService],
};

export async function startGateway(options: {
  readonly env?: Readonly<Record<string, string>>;
  readonly routes: (router: ConnectRouter) => void;
  /** Those that the services have around their routes. */
  readonly interceptors?: readonly Interceptor[];
  readonly rateLimits?: RateLimitStore;
  /** In memory unless given. */
  readonly presence?: PresenceStore;
  readonly tickets?: TicketStore;
  readonly logger?: Logger;
  /** A real one in the place of the scripted. */
  readonly tokens?: Pick<TokenVerifier, "verify" | "onRevoked">;
  /** Exchanges no key unless given. */
  readonly apiKeys?: ApiKeyExchange;
  readonly tls?: TlsSource;
  /** Where the gateway listens; any port unless given. */
  readonly port?: number;
  /** Other peers than auth, project and simulation, with what they serve. */
  readonly peers?: Readonly<Record<string, readonly DescService[]>>;
  /** A real broker in the place of the scripted one. */
  readonly live?: { readonly pubsub: PubSub; readonly channels: ChannelLog };
}): Promise<GatewayHarness> {
  const calls: SeenCall[] = [];
  const served = Object.entries(options.peers ?? peers);
  const instances = new Map(served.map(([peer]) => [peer, 1]));
  const pubsub = new ScriptedPubSub();
  const channels = createMemoryChannelLog({ pubsub, clock: systemClock, random: systemRandom });
  const metrics = new RecordedMetrics();
  const verifier = new ScriptedVerifier();
  const transport = createRouterTransport(options.routes, {
    router: {
      interceptors: [
        (next) => (request) => {
          const method = `${request.service.typeName}/${request.method.name}`;
          calls.push({ method, headers: request.header, correlationId: currentCall()?.correlationId });
          return next(request);
        },
        ...(options.interceptors ?? []),
      ],
    },
  });
  // Tests call as fast as they can; those of rate limits say what they want.
  const env = { WEFT_RATE_LIMITS: "*=off", ...options.env };
  const gateway = createGateway(loadConfig(env, { development: true }), {
    upstreams: served.map(([peer, services]) => ({ peer, services })),
    version: "1.2.3",
    call: callOver(tracing(transport)),
    transport: () => tracing(transport),
    peerState: (peer) => {
      const count = instances.get(peer) ?? 0;
      return { instances: count, available: count };
    },
    verifier: options.tokens ?? verifier,
    apiKeys: options.apiKeys ?? noApiKeys,
    pubsub,
    channels,
    ...options.live,
    rateLimits: options.rateLimits ?? createMemoryRateLimitStore(() => systemClock.monotonicMs() * 1000),
    clock: systemClock,
    random: systemRandom,
    presence:
      options.presence ??
      createMemoryPresenceStore({
        nowMs: () => systemClock.monotonicMs(),
        announce: (subject) => void pubsub.publish(subject, ""),
      }),
    tickets: options.tickets ?? createMemoryTicketStore(() => systemClock.monotonicMs()),
    logger: options.logger ?? silentLogger,
    metrics: metrics as unknown as Metrics,
    ...(options.tls === undefined ? {} : { tls: options.tls }),
    drainTimeoutMs: 5000,
  });
  const port = await gateway.listener.listen(options.port ?? 0, "127.0.0.1");
  return {
    gateway,
    port,
    url: `http://127.0.0.1:${port}`,
    pubsub,
    channels,
    metrics,
    verifier,
    calls,
    instances,
    stop: async () => {
      await gateway.listener.close();
      await gateway.close();
    },
  };
}

const noApiKeys: ApiKeyExchange = {
  accessToken: async () => {
    throw serviceError(Code.Unauthenticated, "TOKEN_INVALID", "the access token is not valid");
  },
};

/** Tells the service the trace of the call at hand, as the mesh's transport does. */
function tracing(transport: Transport): Transport {
  const traced = (headers: unknown): Headers => {
    const all = new Headers(headers as Headers);
    injectTrace(all);
    return all;
  };
  return {
    unary: (method, signal, timeoutMs, headers, input, values) =>
      transport.unary(method, signal, timeoutMs, traced(headers), input, values),
    stream: (method, signal, timeoutMs, headers, input, values) =>
      transport.stream(method, signal, timeoutMs, traced(headers), input, values),
  };
}

/** Calls by descriptor as the mesh makes them, on any transport. */
function callOver(transport: Transport): Mesh["call"] {
  return async (method, message, { metadata = [], timeoutMs, endsWith } = {}) => {
    const headers = new Headers();
    for (let index = 0; index + 1 < metadata.length; index += 2) {
      headers.append(metadata[index] ?? "", metadata[index + 1] ?? "");
    }
    const controller = new AbortController();
    const abort = (reason: unknown): void => controller.abort(reason);
    const child: ChildCall = { nextSibling: undefined, previousSibling: undefined, abort };
    endsWith?.add(child);
    try {
      return (await transport.unary(method, controller.signal, timeoutMs, headers, message)).message;
    } finally {
      endsWith?.remove(child);
    }
  };
}

/** Takes names of users for tokens: "alice" and "alice.2" are alice's, of two logins. */
export class ScriptedVerifier {
  readonly #listeners = new Set<(sessionId: string) => void>();
  readonly #revoked = new Set<string>();
  /** Tokens that have expired. */
  readonly expired = new Set<string>();
  /** How long tokens live. */
  lifetimeMs = 3_600_000;
  available = true;

  async verify(token: string): Promise<Principal> {
    if (!this.available) {
      throw serviceError(Code.Unavailable, "AUTH_UNAVAILABLE", "the access token cannot be verified at the moment");
    }
    const reason = this.#revoked.has(`session-of-${token}`)
      ? "TOKEN_REVOKED"
      : this.expired.has(token)
        ? "TOKEN_EXPIRED"
        : /^(alice|bob)(\.\d+)?$/.test(token)
          ? undefined
          : "TOKEN_INVALID";
    if (reason !== undefined) {
      const error = serviceError(Code.Unauthenticated, reason, "the access token is not valid");
      error.metadata.set("www-authenticate", 'Bearer error="invalid_token"');
      throw error;
    }
    const username = token.split(".")[0] ?? "";
    const expiresAtMs = Date.now() + this.lifetimeMs;
    return {
      userId: `user-${username}`,
      username,
      sessionId: `session-of-${token}`,
      roles: ["user"],
      scopes: undefined,
      expiresAtMs,
    };
  }

  onRevoked(listener: (sessionId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the login of a token; `quietly` without telling anybody. */
  revoke(token: string, options: { readonly quietly?: boolean } = {}): void {
    this.#revoked.add(`session-of-${token}`);
    if (options.quietly !== true) {
      for (const listener of this.#listeners) {
        listener(`session-of-${token}`);
      }
    }
  }
}
