import { systemClock } from "../clock.ts";
import { loadMeshConfig } from "../config/mesh-config.ts";
import { credentialPaths } from "../identity/credential-files.ts";
import { ServiceIdentity } from "../identity/identity.ts";
import { createLogger, type Logger } from "../logger.ts";
import { Metrics } from "../metrics/metrics.ts";
import { systemRandom } from "../random.ts";
import type { Instance, Registration } from "../registry/registry.ts";
import { ensureTracing } from "../tracing.ts";
import { drainable, endOnSignals, ownListeners, step } from "./drain.ts";
import { HealthMonitor, type HealthReport } from "./health.ts";
import { MeshRuntime } from "./mesh.ts";
import { openPorts, standardPorts } from "./ports.ts";
import type { RunningService, ServiceOptions, ServiceParts } from "./service.ts";
import { createServiceListeners, type ServiceListeners } from "./service-listeners.ts";
import { checkUses } from "./uses.ts";

/** How long a start waits for Redis. */
const redisPatienceMs = 2000;

/**
 * Makes a service in one call: configuration, handles, the service's own set-up, four listeners, registration. Rejects,
 * with nothing left open, when any of it fails.
 */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  ensureTracing();
  const env = options.env ?? process.env;
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const offsets = options.ports ?? standardPorts;
  const config = loadMeshConfig(env, Object.keys(offsets));
  checkUses(options.uses, config);
  const instanceId = `${options.name}-${config.instanceIndex ?? "x"}-${random.id().slice(0, 8)}`;
  const logger =
    options.logger ??
    createLogger({ service: options.name, instanceId, version: options.version, level: config.logLevel });
  const metrics = new Metrics({ service: options.name, instance: instanceId }, { runtime: true });
  const identity =
    config.mtls === undefined
      ? undefined
      : await ServiceIdentity.load({
          service: options.name,
          paths: credentialPaths(config.mtls, options.name),
          clock,
          logger,
          metrics,
        });
  const mesh = new MeshRuntime({
    service: options.name,
    instanceId,
    version: options.version,
    config,
    identity,
    env,
    peers: options.peers ?? {},
    uses: options.uses,
    logger,
    clock,
    random,
    metrics,
  });

  let parts: ServiceParts | undefined;
  let health: HealthMonitor | undefined;
  let listeners: ServiceListeners | undefined;
  let registration: Registration | undefined;
  try {
    // A service starts without Redis too, but most starts find it within milliseconds and are quieter for it.
    await mesh.redis.whenReady(redisPatienceMs);
    parts = await options.setup(mesh);
    health = new HealthMonitor({ clock, checks: parts.checks ?? {} });
    listeners = createServiceListeners({
      parts,
      health,
      metrics,
      clock,
      random,
      logger,
      identity,
      callers: options.callers,
      development: config.development,
      maxConnectionAgeMs: config.maxConnectionAgeMs,
      ...(options.admission === undefined ? {} : { admission: options.admission }),
    });
    const opened = await openPorts(
      {
        basePort: options.basePort,
        portOffset: config.portOffset,
        offsets,
        portsPerInstance: options.portsPerInstance ?? 4,
        overrides: config.portOverrides,
      },
      config.instanceIndex,
      { ...listeners.all, ...parts.listeners },
      config.host,
    );
    mesh.ports = opened.ports;
    await health.start();
    // Whoever is ready is called at once, and calls its peers then.
    await mesh.whenPeersKnown(mesh.redis.state() === "ready" ? redisPatienceMs : 0);
    const instance: Instance = {
      name: options.name,
      instanceId,
      version: options.version,
      address: config.advertisedHost,
      ports: opened.ports,
      status: "ready",
      health: health.report.status === "ready" ? "healthy" : "unhealthy",
      services: listeners.services.map((service) => service.typeName),
      zone: config.zone,
      startedAtMs: clock.now(),
      timestamp: clock.now(),
    };
    registration = await mesh.registry.register(instance);
    announceHealth(health, registration, logger);
    await parts.ready?.();
    logger.info({ ports: opened.ports, instanceIndex: opened.index }, "service is ready");
    const service = drainable({
      mesh,
      instance,
      health,
      registration,
      listeners,
      parts,
      identity,
      drainTimeoutMs: config.drainTimeoutMs,
    });
    if (options.handleSignals ?? true) {
      endOnSignals(service, logger);
    }
    return service;
  } catch (error) {
    await registration?.deregister();
    listeners?.destroy();
    health?.close();
    mesh.closePeers();
    await Promise.all(ownListeners(parts).map((one) => one.close()));
    await step("close", logger, parts?.close);
    await mesh.close();
    identity?.close();
    throw error;
  }
}

/** Tells the registry every change, and what has changed while the record was being written. */
function announceHealth(health: HealthMonitor, registration: Registration, logger: Logger): void {
  const announce = ({ status }: HealthReport): void =>
    void registration.update({ health: status === "ready" ? "healthy" : "unhealthy" });
  health.onChange((report) => {
    logger.info({ status: report.status, checks: report.checks }, "health changed");
    announce(report);
  });
  announce(health.report);
}
