import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Architecture as ArchitectureMessage,
  ArchitectureSchema,
} from "@weft/proto/weft/project/v1/architecture_pb.ts";
import type { Architecture, PartialArchitecture } from "./domain/architecture/architecture.ts";

/** An architecture from the wire; absent fields stay absent. What messages have beside fields is lost in completion. */
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
      balancing: component.balancing,
      choices: component.choices,
      instanceWeights: component.instanceWeights,
      discipline: component.discipline,
      cpus: component.cpus,
      shed: component.shed,
      holdsSlot: component.holdsSlot,
      dropsExpired: component.dropsExpired,
      rateLimit: component.rateLimit,
      autoscaler: component.autoscaler,
      readWriteSplit: component.readWriteSplit,
      locks: component.locks,
      cache: component.cache,
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
      timeoutCancels: link.timeoutCancels,
      retryJitter: link.retryJitter,
      retryBudget: link.retryBudget,
      breaker: link.breaker,
      hedgeAfterMs: link.hedgeAfterMs,
      maxConnections: link.maxConnections,
      connectionQueue: link.connectionQueue,
      connectionTimeoutMs: link.connectionTimeoutMs,
      lossRatio: link.lossRatio,
      retransmitMs: link.retransmitMs,
      bandwidthMbps: link.bandwidthMbps,
      requestKb: link.requestKb,
      answerKb: link.answerKb,
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
      priority: workload.priority,
      deadlineMs: workload.deadlineMs,
      writeShare: workload.writeShare,
      workFactor: workload.workFactor,
      sessions: workload.sessions,
      sessionSkew: workload.sessionSkew,
    })),
  };
}

/** An architecture for the wire: the field names are the same, and what is absent stays absent. */
export function architectureMessage(architecture: Architecture): MessageInitShape<typeof ArchitectureSchema> {
  return { components: architecture.components, links: architecture.links, workloads: architecture.workloads };
}
