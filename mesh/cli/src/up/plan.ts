import { CliError } from "../cli-error.ts";
import type { ServiceDefinition } from "../workspace/workspace.ts";

/*
 * Which processes run, on which ports, and in which order they start and stop. Pure.
 *
 * Ports follow the port map: instance k of a service takes the k-th block of its range (four ports unless its package
 * says otherwise), in it gRPC, HTTP, metrics and health. The
 * service with the lowest base port is the entrance, which people and browsers talk to: its address is announced, and
 * it stops first, so that nobody is let in while the others drain.
 */

/** Ports of one instance. */
export interface InstancePorts {
  readonly grpc: number;
  readonly http: number;
  readonly metrics: number;
  readonly health: number;
}

/** One process to run. */
export interface PlannedProcess {
  readonly definition: ServiceDefinition;
  readonly instance: number;
  readonly ports: InstancePorts;
}

export interface UpPlan {
  readonly processes: readonly PlannedProcess[];
  /** Service names in groups: each group starts when all before are ready. */
  readonly startGroups: readonly (readonly string[])[];
  /** The same for the end: each group stops when all before have stopped. */
  readonly stopGroups: readonly (readonly string[])[];
  readonly entranceUrl: string;
}

export interface PlanOptions {
  /** Names of the services to run; all when undefined. */
  readonly only?: readonly string[];
  /** Instances by service name; one where nothing is said. */
  readonly instances?: ReadonlyMap<string, number>;
  readonly portOffset: number;
  /** Of the entrance, whose public port may end TLS itself; http unless said. */
  readonly entranceScheme?: "http" | "https";
}

/** Ports in the range of a service: five instances of four. */
const portsPerRange = 20;

/** Plans a run. Throws CliError for names that are no service, too many instances, and circles in `startAfter`. */
export function planUp(services: readonly ServiceDefinition[], options: PlanOptions): UpPlan {
  const chosen = options.only === undefined ? [...services] : options.only.map((name) => findService(services, name));
  const counts = new Map<string, number>();
  for (const [name, count] of options.instances ?? []) {
    const { service, portsPerInstance } = findService(chosen, name);
    const mostInstances = Math.floor(portsPerRange / portsPerInstance);
    if (!Number.isInteger(count) || count < 1 || count > mostInstances) {
      throw new CliError(`--instances ${name}=${count}: a service runs 1 to ${mostInstances} instances on one machine`);
    }
    counts.set(service, count);
  }
  const entrance = chosen.reduce((lowest, service) => (service.basePort < lowest.basePort ? service : lowest));
  const startGroups = groupByOrder(chosen);
  const stopGroups = startGroups
    .map((group) => group.filter((name) => name !== entrance.service))
    .concat([[entrance.service]])
    .filter((group) => group.length > 0)
    .reverse();
  return {
    processes: chosen.flatMap((definition) =>
      Array.from({ length: counts.get(definition.service) ?? 1 }, (_, instance) => ({
        definition,
        instance,
        ports: instancePorts(definition.basePort + options.portOffset + instance * definition.portsPerInstance),
      })),
    ),
    startGroups,
    stopGroups,
    entranceUrl: `${options.entranceScheme ?? "http"}://127.0.0.1:${entrance.basePort + options.portOffset}`,
  };
}

/** A service by its full name, or by the name without "-service". */
function findService(services: readonly ServiceDefinition[], name: string): ServiceDefinition {
  const found = services.find(({ service }) => service === name || service === `${name}-service`);
  if (found === undefined) {
    throw new CliError(`"${name}" is no service here`, {
      next: `choose from: ${services.map(({ service }) => service).join(", ")}`,
    });
  }
  return found;
}

/** Reads "auth=2,user=3". Throws CliError on anything else. */
export function parseInstances(text: string): Map<string, number> {
  const instances = new Map<string, number>();
  for (const part of splitNames(text)) {
    const match = /^([a-z0-9-]+)=(\d+)$/.exec(part);
    if (match?.[1] === undefined) {
      throw new CliError(`--instances holds "${part}"; write service=count, such as auth=2`);
    }
    instances.set(match[1], Number(match[2]));
  }
  return instances;
}

/** Reads a list separated by commas. */
export function splitNames(text: string): string[] {
  return text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function instancePorts(first: number): InstancePorts {
  return { grpc: first, http: first + 1, metrics: first + 2, health: first + 3 };
}

/** Services that are not chosen are taken for ready: they may run elsewhere. */
function groupByOrder(services: readonly ServiceDefinition[]): string[][] {
  const groups: string[][] = [];
  let waiting = [...services];
  while (waiting.length > 0) {
    const names = new Set(waiting.map(({ service }) => service));
    const group = waiting.filter(({ startAfter }) => !startAfter.some((name) => names.has(name)));
    if (group.length === 0) {
      throw new CliError(`weft.startAfter of ${[...names].join(", ")} form a circle: none can start first`);
    }
    groups.push(group.map(({ service }) => service));
    waiting = waiting.filter((service) => !group.includes(service));
  }
  return groups;
}
