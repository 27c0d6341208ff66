/** The simulation service on the wire: protobuf to domain and back, error kinds to codes. No decisions are taken here. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { requirePrincipal } from "@weft/auth/verifier";
import { serviceError } from "@weft/mesh";
import type { Change as ChangeMessage } from "@weft/proto/weft/simulation/v1/change_pb.ts";
import type {
  MetricPointSchema,
  ResultsSchema,
  SimulationSchema,
} from "@weft/proto/weft/simulation/v1/simulation_pb.ts";
import type { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import type { Results } from "@weft/simulator";
import { changeFrom, plannedChangeFrom, plannedChangeMessage } from "./adapters/change-message.ts";
import { SimulationError, type SimulationErrorKind } from "./domain/lifecycle/errors.ts";
import type { MetricPoint } from "./domain/lifecycle/metric-series.ts";
import type { Caller, Simulation } from "./domain/lifecycle/ports.ts";
import type { Simulations } from "./domain/lifecycle/simulations.ts";
import type { Command } from "./domain/lifecycle/transitions.ts";

const defaultPageSize = 50;

/** Handlers of weft.simulation.v1.SimulationService; `channelOf` names where frames are published. */
export function simulationRpc(
  simulations: Simulations,
  channelOf: (simulationId: string) => string,
): ServiceImpl<typeof SimulationService> {
  const message = (simulation: Simulation) => simulationMessage(simulation, channelOf(simulation.id));
  const command = (context: HandlerContext, id: string, what: Command, load?: number) =>
    answered(async () => ({ simulation: message(await simulations.command(callerOf(context), id, what, load)) }));
  return {
    startSimulation: (request, context) =>
      answered(async () => {
        const { projectId, durationSeconds, seed, speed, load } = request;
        const changes = request.changes.map(plannedChangeFrom);
        const options = { durationSeconds, seed, speed, load: load ?? 1, changes };
        return { simulation: message(await simulations.start(callerOf(context), projectId, options)) };
      }),
    getSimulation: (request, context) =>
      answered(async () => ({ simulation: message(await simulations.get(callerOf(context), request.id)) })),
    listSimulations: (request, context) =>
      answered(async () => {
        const pageSize = request.pageSize === 0 ? defaultPageSize : request.pageSize;
        const { items, next } = await simulations.list(
          callerOf(context),
          request.projectId,
          pageSize,
          request.pageToken,
        );
        return { simulations: items.map(message), nextPageToken: next ?? "" };
      }),
    pauseSimulation: (request, context) => command(context, request.id, "pause"),
    resumeSimulation: (request, context) => command(context, request.id, "resume"),
    stopSimulation: (request, context) => command(context, request.id, "stop"),
    setLoad: (request, context) => command(context, request.id, "load", request.load),
    applyChange: (request, context) =>
      answered(async () => {
        // Validation has seen that it is there.
        const change = changeFrom(request.change as ChangeMessage);
        const { simulation, atMs } = await simulations.applyChange(callerOf(context), request.id, change);
        return { simulation: message(simulation), ...(atMs === undefined ? {} : { atSeconds: atMs / 1000 }) };
      }),
    getResults: (request, context) =>
      answered(async () => {
        const { simulation, results } = await simulations.results(callerOf(context), request.id);
        return { results: resultsMessage(simulation, results) };
      }),
    getMetrics: (request, context) =>
      answered(async () => {
        const { id, component, maxPoints } = request;
        const points = await simulations.metrics(callerOf(context), id, component, maxPoints);
        return { points: points.map(metricMessage) };
      }),
  };
}

/** A new kind does not compile until it has a code here. */
const codes = {
  simulation_unknown: { code: Code.NotFound, reason: "SIMULATION_UNKNOWN" },
  study_unknown: { code: Code.NotFound, reason: "STUDY_UNKNOWN" },
  project_unknown: { code: Code.NotFound, reason: "PROJECT_UNKNOWN" },
  not_allowed: { code: Code.PermissionDenied, reason: "NOT_ALLOWED" },
  cannot_be_simulated: { code: Code.FailedPrecondition, reason: "CANNOT_BE_SIMULATED" },
  too_large: { code: Code.InvalidArgument, reason: "TOO_LARGE" },
  too_many_unfinished: { code: Code.ResourceExhausted, reason: "TOO_MANY_UNFINISHED" },
  too_many_changes: { code: Code.ResourceExhausted, reason: "TOO_MANY_CHANGES" },
  invalid: { code: Code.InvalidArgument, reason: "INVALID_FIELDS" },
  wrong_status: { code: Code.FailedPrecondition, reason: "WRONG_STATUS" },
  not_finished: { code: Code.FailedPrecondition, reason: "NOT_FINISHED" },
  unavailable: { code: Code.Unavailable, reason: "UNAVAILABLE" },
} satisfies Record<SimulationErrorKind, { code: Code; reason: string }>;

/** Refusals leave as what the one model of errors says of their kind. */
export async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SimulationError) {
      const { code, reason } = codes[error.kind];
      throw serviceError(code, reason, error.message, {
        violations: error.fields,
        cause: error,
        ...(error.kind === "unavailable" ? { retryAfterMs: 1000 } : {}),
      });
    }
    throw error;
  }
}

export function callerOf(context: HandlerContext): Caller {
  return { userId: requirePrincipal(context).userId };
}

function simulationMessage(simulation: Simulation, channel: string): MessageInitShape<typeof SimulationSchema> {
  const { createdAtMs, startedAtMs, finishedAtMs, ...rest } = simulation;
  return {
    id: rest.id,
    projectId: rest.projectId,
    projectVersion: rest.projectVersion,
    status: rest.status,
    durationSeconds: rest.durationSeconds,
    seed: rest.seed,
    speed: rest.speed,
    load: rest.load,
    simulatedSeconds: rest.simulatedSeconds,
    failureReason: rest.failureReason,
    createdBy: rest.createdBy,
    channel,
    createdAt: timestampFromMs(createdAtMs),
    ...(startedAtMs === undefined ? {} : { startedAt: timestampFromMs(startedAtMs) }),
    ...(finishedAtMs === undefined ? {} : { finishedAt: timestampFromMs(finishedAtMs) }),
  };
}

function metricMessage({
  component: _,
  p95Ms,
  goodputPerSecond,
  ...point
}: MetricPoint): MessageInitShape<typeof MetricPointSchema> {
  return {
    ...point,
    ...(p95Ms === undefined ? {} : { p95Ms }),
    ...(goodputPerSecond === undefined ? {} : { goodputPerSecond }),
  };
}

function resultsMessage(simulation: Simulation, results: Results): MessageInitShape<typeof ResultsSchema> {
  return {
    simulationId: simulation.id,
    status: simulation.status,
    simulatedSeconds: results.simulatedMs / 1000,
    seed: simulation.seed,
    warmupSeconds: results.warmupMs / 1000,
    events: results.events,
    completed: results.completed,
    failed: results.failed,
    inFlight: results.inFlight,
    throughputPerSecond: results.throughputPerSecond,
    errorRatio: results.errorRatio,
    latency: results.latency,
    components: results.components.map((component) => ({ ...component })),
    bottlenecks: results.bottlenecks.map((bottleneck) => ({ ...bottleneck })),
    loadChanges: results.loadChanges.map(({ simulatedMs, load }) => ({ simulatedSeconds: simulatedMs / 1000, load })),
    eventTraceHash: results.eventTraceHash,
    // Results that were stored before there were changes have none.
    ...(results.changes === undefined ? {} : { changes: results.changes.map(plannedChangeMessage) }),
    goodputPerSecond: results.goodputPerSecond,
    goodputRatio: results.goodputRatio,
  };
}
