import { createApiKeyExchange, createTokenVerifier } from "@weft/auth/verifier";
import { startService } from "@weft/mesh";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { ApiKeyService } from "@weft/proto/weft/auth/v1/api_key_service_pb.ts";
import { AuditService } from "@weft/proto/weft/auth/v1/audit_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { FactorService } from "@weft/proto/weft/auth/v1/factor_service_pb.ts";
import { ProviderService } from "@weft/proto/weft/auth/v1/provider_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { StudyService } from "@weft/proto/weft/simulation/v1/study_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import manifest from "../package.json" with { type: "json" };
import { callers } from "./callers.ts";
import { loadConfig } from "./config.ts";
import { createGateway } from "./gateway.ts";
import { watchTlsFiles } from "./http/tls-files.ts";
import { createRedisRateLimitStore } from "./traffic/rate-limit-store.ts";
import { createRedisPresenceStore } from "./ws/redis-presence-store.ts";
import { createRedisTicketStore } from "./ws/ticket-store.ts";

const { version } = manifest;

/** Every service behind the gateway (MESH-21); what clients may call of them, their descriptors say. */
const peers = {
  "auth-service": {
    services: [AuthService, AccountService, ApiKeyService, FactorService, ProviderService, AuditService],
    basePort: 9000,
  },
  "user-service": { services: [UserService], basePort: 12000 },
  "project-service": { services: [ProjectService], basePort: 10000 },
  "simulation-service": { services: [SimulationService, StudyService], basePort: 11000 },
};

await startService({
  name: "gateway-service",
  version,
  basePort: 8000,
  ports: { public: 0, http: 1, metrics: 2, health: 3, grpc: 4 },
  portsPerInstance: 5,
  peers,
  callers,
  uses: {
    publishes: ["presence:*", "room:*"],
    subscribes: [
      ...["simulation:*", "traces:*", "project:*", "notifications:*", "room:*", "presence:*"],
      "auth:revocations",
    ],
  },
  async setup(mesh) {
    const config = loadConfig(mesh.env, { development: mesh.development });
    const { pubsub, channels, redis, clock, random, logger, metrics } = mesh;
    const auth = mesh.client(AuthService);
    const verifier = createTokenVerifier({ client: auth, pubsub, redis, clock, logger });
    const tls = config.tls === undefined ? undefined : await watchTlsFiles(config.tls, { clock, logger });
    const gateway = createGateway(config, {
      upstreams: Object.entries(peers).map(([peer, { services }]) => ({ peer, services })),
      version,
      call: (method, message, options) => mesh.call(method, message, options),
      transport: (service) => mesh.transport(service),
      peerState: (peer) => mesh.peerState(peer),
      verifier,
      apiKeys: createApiKeyExchange({ client: auth, clock }),
      pubsub,
      channels,
      rateLimits: createRedisRateLimitStore(redis),
      presence: createRedisPresenceStore(redis),
      tickets: createRedisTicketStore(redis),
      clock,
      random,
      logger,
      metrics,
      ...(tls === undefined ? {} : { tls }),
      drainTimeoutMs: mesh.config.drainTimeoutMs,
    });
    return {
      routes: gateway.routes,
      listeners: { public: gateway.listener },
      stopAccepting: gateway.stopAccepting,
      close: async () => {
        tls?.close();
        await gateway.close();
        await verifier.close();
      },
    };
  },
});
