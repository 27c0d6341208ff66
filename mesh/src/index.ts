/*
 * The public names of @weft/mesh, one by one.
 */
export { errorWithHttpStatus, type FieldViolation } from "@weft/transcoding";
export type { AdmissionOptions } from "./admission/admission-options.ts";
export type { PriorityOptions } from "./admission/priority.ts";
export { backoffDelayMs } from "./backoff.ts";
export { type CallContext, correlationIdFrom, currentCall, meshHeaders, runInCall } from "./call-context.ts";
export type {
  ChannelLog,
  ChannelPosition,
  ChannelRecovery,
  Publication,
  PublishOptions,
} from "./channels/channel-log.ts";
export { decodePublication } from "./channels/envelope.ts";
export { createRedisChannelLog } from "./channels/redis-channel-log.ts";
export { type ChildCall, ChildCalls } from "./child-calls.ts";
export type { UnaryCallOptions } from "./client/call-path.ts";
export type { PeerDeclaration, PeerDeclarations } from "./client/peers.ts";
export { type Clock, systemClock, type Timer } from "./clock.ts";
export { parseDurationMs } from "./config/duration.ts";
export type { MeshConfig } from "./config/mesh-config.ts";
export { DeadlineEntry, DeadlineWheel } from "./deadline-wheel.ts";
export type { MetricDefinition } from "./diagnostics.ts";
export { MeshError, type MeshErrorCode, meshErrors } from "./errors.ts";
export type { CallerPolicy } from "./identity/authorization.ts";
export { callerKey } from "./identity/caller-gate.ts";
export { JobScheduler } from "./jobs/job-scheduler.ts";
export { createPostgresJobStore, ensureJobTables } from "./jobs/postgres-job-store.ts";
export type { Logger } from "./logger.ts";
export type { CallRecorder } from "./metrics/call-recorder.ts";
export { Metrics } from "./metrics/metrics.ts";
export { createEnvelope, type EventEnvelope, type NewEvent } from "./outbox/event-envelope.ts";
export { OutboxRelay, type OutboxRelayStats } from "./outbox/outbox-relay.ts";
export { ensureOutboxTables, type OutboxEvent, writeOutbox } from "./outbox/outbox-table.ts";
export { ensureProcessedEventsTable, forgetProcessed, markProcessed } from "./outbox/processed-events.ts";
export { conservativeProfile, type ScalerOptions, scalerDefaults } from "./pool/scaler.ts";
export type { Database, Queryable, Transaction } from "./postgres/database.ts";
export { openDatabase } from "./postgres/open-database.ts";
export { DatabaseUnavailableError, UniqueViolationError } from "./postgres/postgres-error.ts";
export type {
  PubSub,
  PubSubHandler,
  SubscribeOptions,
  Unsubscribe,
} from "./pubsub/pubsub.ts";
export { createRedisPubSub } from "./pubsub/redis-pubsub.ts";
export { createRedisQueue } from "./queue/redis-queue.ts";
export type { ConsumeOptions, Consumer, Job, JobHandler, NewJob, WorkQueue } from "./queue/work-queue.ts";
export { UnretryableJobError } from "./queue/work-queue.ts";
export { type Random, seededRandom, systemRandom } from "./random.ts";
export { RecentMap } from "./recent-map.ts";
export { openRedis, type RedisHandles } from "./redis/redis-connection.ts";
export { RedisAwayError } from "./redis/redis-error.ts";
export { RedisScript } from "./redis/redis-script.ts";
export { RedisRegistry } from "./registry/redis-registry.ts";
export type { Instance, Registration, Registry, RegistryUpdate } from "./registry/registry.ts";
export { createSecrets, MissingSecretError, type Secrets } from "./secrets/secrets.ts";
export { codeName } from "./server/answer-error.ts";
export type { Mesh } from "./server/mesh.ts";
export { type OpaqueHandler, opaqueMethod, opaqueRoute } from "./server/opaque-route.ts";
export { peerAddressKey } from "./server/peer-address.ts";
export { findPortHolder, type PortHolder } from "./server/port-holder.ts";
export { type Listener, serverListener } from "./server/ports.ts";
export type { RunningService, ServiceOptions, ServiceParts } from "./server/service.ts";
export { startService } from "./server/start-service.ts";
export type { Uses } from "./server/uses.ts";
export { validateMessage } from "./server/validate.ts";
export {
  errorMetadata,
  errorReason,
  errorViolations,
  type ServiceErrorOptions,
  serviceError,
} from "./service-error.ts";
export { createPostgresState, ensureStateTable } from "./state/postgres-state.ts";
export { StateConflictError, type StateEntry, type StateStore } from "./state/state-store.ts";
export { traceIdOf } from "./trace-context.ts";
export { ensureTracing, injectTrace, inServerSpan, traceOf } from "./tracing.ts";
