import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Architecture as ArchitectureMessage,
  ArchitectureSchema,
} from "@weft/proto/weft/project/v1/architecture_pb.ts";
import type { Architecture, PartialArchitecture } from "./domain/architecture/architecture.ts";

/** An architecture from the wire; absent fields stay absent. */
export function architectureFrom(message: ArchitectureMessage): PartialArchitecture {
  return {
    components: message.components.map((component) => ({
      id: component.id,
      name: component.name,
      kind: component.kind,
      instances: component.instances,
      concurrency: component.concurrency,
      serviceTime: component.serviceTime,
      queueCapacity: component.queueCapacity,
      errorRatio: component.errorRatio,
      hitRatio: component.hitRatio,
      fanOut: component.fanOut,
      image: component.image,
    })),
    links: message.links.map((link) => ({
      id: link.id,
      from: link.from,
      to: link.to,
      latency: link.latency,
      timeoutMs: link.timeoutMs,
      retries: link.retries,
      retryBackoffMs: link.retryBackoffMs,
      callsPerRequest: link.callsPerRequest,
      weight: link.weight,
      asynchronous: link.asynchronous,
    })),
    workloads: message.workloads.map((workload) => ({
      id: workload.id,
      component: workload.component,
      kind: workload.kind,
      ratePerSecond: workload.ratePerSecond,
      users: workload.users,
      thinkTimeMs: workload.thinkTimeMs,
      burstFactor: workload.burstFactor,
      burstMs: workload.burstMs,
      burstShare: workload.burstShare,
      amplitude: workload.amplitude,
      periodMs: workload.periodMs,
      toRatePerSecond: workload.toRatePerSecond,
      startMs: workload.startMs,
      lengthMs: workload.lengthMs,
      spikeFactor: workload.spikeFactor,
      batchSize: workload.batchSize,
      arrivalsMs: workload.arrivalsMs.length === 0 ? undefined : workload.arrivalsMs,
    })),
  };
}

/** An architecture for the wire: the field names are the same, and all are present. */
export function architectureMessage(architecture: Architecture): MessageInitShape<typeof ArchitectureSchema> {
  return { components: architecture.components, links: architecture.links, workloads: architecture.workloads };
}
