import { setTimeout as delay } from "node:timers/promises";
import { type Mesh, startService } from "@weft/mesh";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import type { Contender } from "./contender.ts";

/*
 * Ours, as a service of production uses it: `startService` on both sides and `mesh.client`, with the registry, metrics,
 * trace context, the default deadline, breaker, balancer and the validation of the proto's rules. The client is a service
 * too, since only a service has a mesh.
 */
export const weft: Contender = {
  id: "weft",
  label: "Weft",
  note: "startService and mesh.client with everything on, LOG_LEVEL=info, NODE_ENV=production",

  async serve(handler, settings) {
    const service = await startService({
      name: settings.serviceName,
      version: "1.0.0",
      basePort: 0,
      handleSignals: false,
      env: serviceEnvironment(settings.redisUrl),
      setup: () => ({
        routes: (router) => router.service(AuthService, { validateToken: ({ token }) => handler(token) }),
      }),
    });
    return { port: service.mesh.ports.grpc ?? 0 };
  },

  async connect(_port, settings) {
    const { connections, serviceName } = settings;
    const pool =
      connections === undefined ? {} : { pool: { minConnections: connections, maxConnections: connections } };
    const { mesh } = await startService({
      name: `${serviceName}-caller`,
      version: "1.0.0",
      basePort: 0,
      handleSignals: false,
      env: serviceEnvironment(settings.redisUrl),
      peers: { [serviceName]: { services: [AuthService], ...pool } },
      setup: () => ({ routes: () => undefined }),
    });
    await discovered(mesh, serviceName, settings.instances ?? 1);
    const client = mesh.client(AuthService);
    return {
      validate: (token) => client.validateToken({ token }),
      openConnections: () => openConnections(mesh, serviceName),
    };
  },
};

/** Of a service as production runs it, on any free ports. */
export function serviceEnvironment(redisUrl: string): Record<string, string> {
  return {
    NODE_ENV: "production",
    REDIS_URL: redisUrl,
    LOG_LEVEL: "info",
    GRPC_PORT: "0",
    HTTP_PORT: "0",
    METRICS_PORT: "0",
    HEALTH_PORT: "0",
  };
}

const discoveryTimeoutMs = 10_000;

async function discovered(mesh: Mesh, serviceName: string, instances: number): Promise<void> {
  const deadlineMs = performance.now() + discoveryTimeoutMs;
  while (mesh.peerState(serviceName).available < instances) {
    if (performance.now() > deadlineMs) {
      throw new Error(`${instances} instances of ${serviceName} were not found in ${discoveryTimeoutMs} ms`);
    }
    await delay(10);
  }
}

/** As the pool's own gauge says, so that a figure per connection counts those that are there. */
async function openConnections(mesh: Mesh, serviceName: string): Promise<number> {
  const address = `http://127.0.0.1:${mesh.ports.metrics}/metrics`;
  const text = await (await fetch(address)).text();
  let open = 0;
  for (const [, labels = "", value] of text.matchAll(/^weft_pool_connections\{([^}]*)\} (\d+)/gm)) {
    if (labels.includes(`peer="${serviceName}"`) && !/state="(connecting|closed)"/.test(labels)) {
      open += Number(value);
    }
  }
  return open;
}
