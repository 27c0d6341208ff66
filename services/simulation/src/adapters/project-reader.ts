import { type Client, Code, ConnectError } from "@connectrpc/connect";
import { errorReason } from "@weft/mesh";
import type {
  Architecture as ArchitectureMessage,
  Workload as WorkloadMessage,
} from "@weft/proto/weft/project/v1/architecture_pb.ts";
import type { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import type { Architecture, Component, Link, Workload } from "@weft/simulator";
import { SimulationError } from "../domain/lifecycle/errors.ts";
import type { NamedProjectReader } from "../domain/studies/ports.ts";
import { distributionFrom } from "./distribution-message.ts";
import { presentFields } from "./present-fields.ts";

/** The project service, seen from the simulation domain. Called inside a handler, it acts on the caller's own rights. */
export function projectReader(client: Client<typeof ProjectService>): NamedProjectReader {
  return {
    read: async (projectId) => {
      try {
        const { project } = await client.getProject({ id: projectId });
        return project === undefined
          ? undefined
          : { name: project.name, version: project.version, architecture: architectureFrom(project.architecture) };
      } catch (error) {
        const answer = ConnectError.from(error);
        switch (answer.code) {
          case Code.NotFound:
            return undefined;
          case Code.PermissionDenied:
            // An API key that may not read projects is told so; the project is there.
            if (errorReason(answer) === "SCOPE_MISSING") {
              throw answer;
            }
            return undefined;
          case Code.Unauthenticated:
            throw answer;
          default:
            throw new SimulationError("unavailable", "the project cannot be read at the moment; try again", {
              cause: answer,
            });
        }
      }
    },
  };
}

/**
 * The project service stores what every component and link has, so none of that is absent here. What only some have is named
 * alike in both models and has the same defaults, so it is taken as it is, and stays absent where it is.
 */
function architectureFrom(message: ArchitectureMessage | undefined): Architecture {
  return {
    components: (message?.components ?? []).map((component) => ({
      ...(presentFields(component) as Partial<Component>),
      id: component.id,
      name: component.name,
      kind: component.kind as Component["kind"],
      instances: component.instances ?? 1,
      concurrency: component.concurrency ?? 1,
      serviceTime: distributionFrom(component.serviceTime),
      queueCapacity: component.queueCapacity ?? 0,
      errorRatio: component.errorRatio ?? 0,
      hitRatio: component.hitRatio ?? 0,
      fanOut: component.fanOut === "parallel" ? "parallel" : "sequential",
      image: component.image,
    })),
    links: (message?.links ?? []).map((link) => ({
      ...(presentFields(link) as Partial<Link>),
      id: link.id,
      from: link.from,
      to: link.to,
      latency: distributionFrom(link.latency),
      timeoutMs: link.timeoutMs ?? 0,
      retries: link.retries ?? 0,
      retryBackoffMs: link.retryBackoffMs ?? 0,
      callsPerRequest: link.callsPerRequest ?? 1,
      weight: link.weight ?? 1,
      asynchronous: link.asynchronous ?? false,
    })),
    workloads: (message?.workloads ?? []).map(workloadFrom),
  };
}

/** As in `distributionFrom`; only where a ramp leads to the simulator must be told, and a stored ramp says it. */
function workloadFrom(message: WorkloadMessage): Workload {
  return {
    ...(presentFields(message) as Partial<Workload>),
    id: message.id,
    component: message.component,
    kind: message.kind as Workload["kind"],
    ratePerSecond: message.ratePerSecond ?? 0,
    users: message.users ?? 1,
    thinkTimeMs: message.thinkTimeMs ?? 0,
  };
}
