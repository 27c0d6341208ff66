import { create, type DescMessage, type DescMethodUnary, type MessageShape } from "@bufbuild/protobuf";
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

/** What a permission hangs on. */
export interface ChannelGrant {
  /** Whose members may follow the channel; undefined when that is no matter of membership. */
  readonly projectId?: string;
}

/**
 * Whether a subscriber may follow a channel: whoever may read the thing behind it. That is decided where the thing lives,
 * by reading it with the subscriber's own token. Throws NOT_FOUND or PERMISSION_DENIED when they may not, and other codes
 * when it cannot be found out.
 */
export type ChannelAccess = (channel: Channel, subscriber: Subscriber, signal: AbortSignal) => Promise<ChannelGrant>;

const askTimeoutMs = 5_000;

export function createChannelAccess(forwarder: Pick<Forwarder, "unary">): ChannelAccess {
  async function read<O extends DescMessage>(
    method: DescMethodUnary<DescMessage, O>,
    id: string,
    token: string,
    signal: AbortSignal,
  ): Promise<MessageShape<O>> {
    const headers = new Headers({ authorization: `Bearer ${token}` });
    const request = create(method.input, { id } as Record<string, unknown>);
    const answer = await forwarder.unary(method, request, { headers, signal, timeoutMs: askTimeoutMs, fresh: true });
    return answer as MessageShape<O>;
  }

  return async (channel, { principal, token }, signal) => {
    switch (channel.kind) {
      case "simulation":
      case "traces": {
        const { simulation } = await read(SimulationService.method.getSimulation, channel.id, token, signal);
        return simulation === undefined ? {} : { projectId: simulation.projectId };
      }
      case "project":
        await read(ProjectService.method.getProject, channel.id, token, signal);
        return { projectId: channel.id };
      case "notifications":
        if (channel.id !== principal.userId) {
          throw serviceError(Code.PermissionDenied, "NOT_YOURS", "notifications can be read by their own user only");
        }
        return {};
    }
  };
}
