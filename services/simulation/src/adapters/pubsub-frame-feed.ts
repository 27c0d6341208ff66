import { type Logger, type PubSub, RedisAwayError } from "@weft/mesh";
import { encodeFrame, restampFrame } from "@weft/simulator/frames";
import type { FrameFeed, ShownFrame, Simulation } from "../domain/lifecycle/ports.ts";
import type { Status } from "../domain/lifecycle/transitions.ts";

/** The channel of a simulation's frames (SIM-10). */
export function frameChannel(simulationId: string): string {
  return `simulation:${simulationId}`;
}

/** The channel of some of a simulation's requests, from start to end. */
function traceChannel(simulationId: string): string {
  return `traces:${simulationId}`;
}

/**
 * Publishes frames in the simulator's published layout. One frame is one message: sent singly, what is inside would cost a
 * hundred times as much. The bytes are those the run's thread made, with number and status as they are by now; only a frame
 * that no engine made is encoded here. A frame that cannot be sent is gone; readers see the gap in `sequence`.
 */
export function pubsubFrameFeed(pubsub: PubSub, logger: Logger): FrameFeed {
  const publish = (channel: string, payload: Uint8Array | string, simulation: Simulation) => {
    pubsub.publish(channel, payload).catch((error: unknown) => {
      if (error instanceof RedisAwayError) return;
      logger.warn({ err: error, simulationId: simulation.id, channel }, "a frame could not be published");
    });
  };
  return {
    publish: (simulation, status, frame) => {
      publish(frameChannel(simulation.id), payloadOf(simulation, status, frame), simulation);
    },
    publishTraces: (simulation, json) => publish(traceChannel(simulation.id), json, simulation),
  };
}

function payloadOf(simulation: Simulation, status: Status, frame: ShownFrame): Uint8Array {
  return frame.encoded === undefined
    ? encodeFrame(frame, { simulationId: simulation.id, status, composedAtMs: 0 })
    : restampFrame(frame.encoded, { sequence: frame.sequence, status });
}
