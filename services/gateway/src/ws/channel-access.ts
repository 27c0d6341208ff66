import { create, type DescMethodUnary } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import type { Principal } from "@weft/auth/verifier";
import { serviceError } from "@weft/mesh";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import type { Forwarder } from "../upstream/forwarder.ts";
import type { Channel } from "./channel.ts";

/** Who asks, and the token that says so. */
export interface Subscriber {
  readonly principal: Principal;
  readonly token: string;
}

/**
 * Whether a subscriber may follow a channel: whoever may read the thing behind it. That is decided where the thing lives,
 * by reading it with the subscriber's own token. Throws NOT_FOUND or PERMISSION_DENIED when they may not, and other codes
 * when it cannot be found out.
 */
export type ChannelAccess = (channel: Channel, subscriber: Subscriber, signal: AbortSignal) => Promise<void>;

const askTimeoutMs = 5_000;

export function createChannelAccess(forwarder: Pick<Forwarder, "unary">): ChannelAccess {
  async function read(method: DescMethodUnary, id: string, token: string, signal: AbortSignal): Promise<void> {
    const headers = new Headers({ authorization: `Bearer ${token}` });
    await forwarder.unary(method, create(method.input, { id } as Record<string, unknown>), {
      headers,
      signal,
      timeoutMs: askTimeoutMs,
    });
  }

  return async (channel, { principal, token }, signal) => {
    switch (channel.kind) {
      case "simulation":
        return read(SimulationService.method.getSimulation, channel.id, token, signal);
      case "project":
        return read(ProjectService.method.getProject, channel.id, token, signal);
      case "notifications":
        if (channel.id !== principal.userId) {
          throw serviceError(Code.PermissionDenied, "NOT_YOURS", "notifications can be read by their own user only");
        }
    }
  };
}
