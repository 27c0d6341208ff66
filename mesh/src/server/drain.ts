import type { ServiceIdentity } from "../identity/identity.ts";
import type { Logger } from "../logger.ts";
import type { Instance, Registration } from "../registry/registry.ts";
import type { HealthMonitor } from "./health.ts";
import type { MeshRuntime } from "./mesh.ts";
import type { Listener } from "./ports.ts";
import type { RunningService, ServiceParts } from "./service.ts";
import type { ServiceListeners } from "./service-listeners.ts";

/*
 * The end of a service, in the order of MESH-09: leave the registry, stop accepting, finish the calls in flight within the
 * time given and cut the rest, close pools and handles, exit. A step that fails does not keep the next from being taken.
 */

export interface DrainableOptions {
  readonly mesh: MeshRuntime;
  readonly instance: Instance;
  readonly health: HealthMonitor;
  readonly registration: Registration;
  readonly listeners: ServiceListeners;
  readonly parts: ServiceParts;
  readonly identity: ServiceIdentity | undefined;
  readonly drainTimeoutMs: number;
}

/** A service that runs and can be stopped. */
export function drainable({
  mesh,
  instance,
  health,
  registration,
  listeners,
  parts,
  identity,
  drainTimeoutMs,
}: DrainableOptions): RunningService {
  let stopping: Promise<void> | undefined;
  const drain = async (): Promise<void> => {
    health.drain();
    await registration.deregister();
    await step("stopAccepting", mesh.logger, parts.stopAccepting);
    const late = new AbortController();
    const inTime = await Promise.race([
      Promise.all([listeners.drain(), ...ownListeners(parts).map((one) => one.close())]).then(() => true),
      mesh.clock.sleep(drainTimeoutMs, late.signal).then(
        () => false,
        () => false,
      ),
    ]);
    late.abort();
    if (!inTime) {
      mesh.logger.warn({ drainTimeoutMs }, "calls in flight did not end in time and are cut");
    }
    listeners.destroy();
    health.close();
    mesh.closePeers();
    await step("close", mesh.logger, parts.close);
    await mesh.close();
    identity?.close();
    mesh.logger.info("service has stopped");
  };
  return {
    mesh,
    instance,
    health,
    stop: () => {
      stopping ??= drain();
      return stopping;
    },
  };
}

/** Drains and ends the process on SIGTERM and SIGINT, and when its supervisor is gone; a second signal ends it at once. */
export function endOnSignals(service: RunningService, logger: Logger): void {
  let asked = false;
  const end = (why: string): void => {
    if (asked) {
      process.exit(1);
    }
    asked = true;
    logger.info({ why }, "draining");
    service.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.fatal({ err: error }, "the drain failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", () => end("SIGTERM"));
  process.on("SIGINT", () => end("SIGINT"));
  // Started by a supervisor over IPC: without it nobody would ever end this process.
  process.on("disconnect", () => end("the supervisor is gone"));
}

/** The service's own listeners; those that are not open have nothing to close. */
export function ownListeners(parts: ServiceParts | undefined): readonly Listener[] {
  return Object.values(parts?.listeners ?? {});
}

/** Runs a step of the service's own: whatever it does wrong, the steps after it are taken. */
export async function step(name: string, logger: Logger, work: (() => Promise<void>) | undefined): Promise<void> {
  try {
    await work?.();
  } catch (error) {
    logger.error({ err: error, step: name }, "a step of the drain failed");
  }
}
