import { create, type DescMessage, type DescMethodUnary, type MessageShape } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import { assertMethodScope, assertScope, hasScope, type Principal } from "@weft/auth/verifier";
import { serviceError } from "@weft/mesh";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { signalledClient } from "../upstream/client-wait.ts";
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
  /** Whether they may publish in it too, where clients may. */
  readonly publishes?: boolean;
}

/**
 * Whether a subscriber may follow a channel: whoever may read the thing behind it. That is decided where the thing lives,
 * by reading it with the subscriber's own token; an API key needs the scope of that. Throws NOT_FOUND or PERMISSION_DENIED
 * when they may not, and other codes when it cannot be found out.
 */
export type ChannelAccess = (channel: Channel, subscriber: Subscriber, signal: AbortSignal) => Promise<ChannelGrant>;

const askTimeoutMs = 5_000;
/** Who may change a project may be seen working on it; an API key, if it may change projects. */
const publishingScope = "projects.write";
const publishingRoles: ReadonlySet<string> = new Set(["owner", "editor", "admin"]);

export function createChannelAccess(forwarder: Pick<Forwarder, "unary">): ChannelAccess {
  async function read<O extends DescMessage>(
    method: DescMethodUnary<DescMessage, O>,
    id: string,
    { principal, token }: Subscriber,
    signal: AbortSignal,
  ): Promise<MessageShape<O>> {
    assertMethodScope(principal, method);
    const headers = new Headers({ authorization: `Bearer ${token}` });
    const request = create(method.input, { id } as Record<string, unknown>);
    const client = signalledClient(signal);
    const answer = await forwarder.unary(method, request, { headers, client, timeoutMs: askTimeoutMs, fresh: true });
    return answer as MessageShape<O>;
  }

  return async (channel, subscriber, signal) => {
    switch (channel.kind) {
      case "simulation":
      case "traces": {
        const { simulation } = await read(SimulationService.method.getSimulation, channel.id, subscriber, signal);
        return simulation === undefined ? {} : { projectId: simulation.projectId };
      }
      case "project":
        await read(ProjectService.method.getProject, channel.id, subscriber, signal);
        return { projectId: channel.id };
      case "room": {
        const { project } = await read(ProjectService.method.getProject, channel.id, subscriber, signal);
        const able = hasScope(subscriber.principal, publishingScope);
        return { projectId: channel.id, publishes: able && publishingRoles.has(project?.role ?? "") };
      }
      case "notifications":
        assertScope(subscriber.principal, "notifications.read");
        if (channel.id !== subscriber.principal.userId) {
          throw serviceError(Code.PermissionDenied, "NOT_YOURS", "notifications can be read by their own user only");
        }
        return {};
    }
  };
}
