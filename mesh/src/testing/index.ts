/*
 * The testing kit, for the mesh's own tests and for those of services: time under control, peers that answer by script,
 * and the building blocks in memory.
 */
export { createMemoryChannelLog, type MemoryChannelLog } from "../channels/memory-channel-log.ts";
export { createMemoryJobStore } from "../jobs/memory-job-store.ts";
export { createMemoryPubSub } from "../pubsub/memory-pubsub.ts";
export { createMemoryQueue } from "../queue/memory-queue.ts";
export { MemoryRegistry } from "../registry/memory-registry.ts";
export { createMemoryState } from "../state/memory-state.ts";
export { faultsOfHistory, type PublishedChange, type ReaderEvent } from "./channel-history.ts";
export { type ChaosProxy, type ChaosProxyOptions, startChaosProxy } from "./chaos-proxy.ts";
export { FakeClock } from "./fake-clock.ts";
export { type ScriptedPeer, startScriptedPeer } from "./scripted-peer.ts";
export { silentLogger } from "./silent-logger.ts";
export { until } from "./until.ts";
