import { type Logger, type PubSub, RedisAwayError } from "@weft/mesh";
import type { Frame } from "@weft/simulator";
import type { FrameFeed, Simulation } from "../domain/lifecycle/ports.ts";
import type { Status } from "../domain/lifecycle/transitions.ts";

/** The channel of a simulation's frames (SIM-10). */
export function frameChannel(simulationId: string): string {
  return `simulation:${simulationId}`;
}

/**
 * Publishes frames as JSON in the form of weft.simulation.v1.Frame. One frame is one message: sent singly, what is inside
 * would cost a hundred times as much. A frame that cannot be sent is gone; readers see the gap in `sequence`.
 */
export function pubsubFrameFeed(pubsub: PubSub, logger: Logger): FrameFeed {
  return {
    publish: (simulation, status, frame) => {
      pubsub
        .publish(frameChannel(simulation.id), JSON.stringify(frameMessage(simulation, status, frame)))
        .catch((error: unknown) => {
          if (!(error instanceof RedisAwayError)) {
            logger.warn({ err: error, simulationId: simulation.id }, "a frame could not be published");
          }
        });
    },
  };
}

function frameMessage(simulation: Simulation, status: Status, frame: Frame): Record<string, unknown> {
  return {
    simulationId: simulation.id,
    sequence: frame.sequence,
    status,
    simulatedSeconds: frame.simulatedMs / 1000,
    durationSeconds: frame.durationMs / 1000,
    speed: frame.speed,
    load: frame.load,
    total: frame.total,
    components: frame.components,
    bottleneck: frame.bottleneck,
  };
}
