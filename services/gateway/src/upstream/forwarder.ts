import type { DescMessage, DescMethodServerStreaming, DescMethodUnary, DescService, Message } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { type Clock, currentCall, injectTrace, type Logger, validateMessage } from "@weft/mesh";
import { AbsenceLog } from "./absence-log.ts";
import type { Authenticate } from "./authenticate.ts";
import { apartFromClient, clientDeadline } from "./client-deadline.ts";
import type { Upstream } from "./exposed-methods.ts";
import { forwardedError, isUnavailable, late, unavailable } from "./forwarded-error.ts";
import { assertFewItems } from "./list-limit.ts";

/*
 * Passes calls on to the services behind, whatever protocol they came by: REST, Connect, gRPC-Web and gRPC all end here.
 *
 * Authorization, correlation id and trace travel in the call context, which the mesh's transport reads. Of the client's
 * own headers none is passed on, so nobody can dress up as a proxy or as another user (ASVS 4.1.3); what the services are
 * told about the client (`x-forwarded-for`) is what the gateway found out itself. A peer without any instance is answered
 * at once, without using up the deadline (GW-16).
 */

/** What a protocol knows about the call it passes on. */
export interface ForwardedCall {
  readonly signal: AbortSignal;
  /** What the client asks for; the default when undefined. Never more than the maximum. */
  readonly timeoutMs?: number | undefined;
  readonly headers: Headers;
}

export interface Forwarder {
  readonly authenticate: Authenticate;
  /** The answer of the service. Throws ConnectErrors that may be shown to the client. */
  unary(method: DescMethodUnary, message: Message, call: ForwardedCall): Promise<Message>;
  /** The answers one by one; a stream has no deadline but the one its client sets. */
  serverStream(method: DescMethodServerStreaming, message: Message, call: ForwardedCall): AsyncIterable<Message>;
}

export interface ForwarderOptions {
  readonly upstreams: readonly Upstream[];
  readonly authenticate: Authenticate;
  readonly transport: (service: DescService) => Transport;
  readonly peerState: (peer: string) => { readonly instances: number };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** Where the edge notes the client's address for the services behind; it replaces whatever the client sent. */
export const clientAddressHeader = "x-forwarded-for";

export function createForwarder(options: ForwarderOptions): Forwarder {
  const peerOf = new Map(
    options.upstreams.flatMap(({ peer, services }) => services.map((service) => [service.typeName, peer] as const)),
  );

  const absences = new AbsenceLog(options.clock, options.logger);

  function peerWithInstances(service: DescService): string {
    const peer = peerOf.get(service.typeName);
    if (peer === undefined) {
      throw new Error(`no upstream is configured for ${service.typeName}`);
    }
    if (options.peerState(peer).instances === 0) {
      absences.note(peer, "no instance is known");
      throw unavailable(peer);
    }
    return peer;
  }

  function headersFor(call: ForwardedCall): Headers {
    const headers = new Headers();
    injectTrace(headers);
    const address = call.headers.get(clientAddressHeader);
    if (address !== null) {
      headers.set(clientAddressHeader, address);
    }
    // Named here so that it is this call's own, whatever context a timer or a socket was started in.
    const authorization = call.headers.get("authorization") ?? currentCall()?.authorization ?? null;
    if (authorization !== null) {
      headers.set("authorization", authorization);
    }
    return headers;
  }

  function translated(error: unknown, peer: string, method: { readonly name: string; readonly parent: DescService }) {
    const answer = forwardedError(error, peer);
    if (answer.message !== "" && answer.cause !== undefined && isFault(answer)) {
      options.logger.error({ err: error, peer, method: `${method.parent.typeName}/${method.name}` }, "a call failed");
    } else if (isUnavailable(answer)) {
      absences.note(peer, error);
    }
    return answer;
  }

  return {
    authenticate: options.authenticate,
    async unary(method, message, call) {
      assertSound(method.input, message);
      const peer = peerWithInstances(method.parent);
      const timeoutMs = Math.min(call.timeoutMs ?? options.defaultTimeoutMs, options.maxTimeoutMs);
      const deadline = clientDeadline(options.clock, timeoutMs, call.signal);
      const ownTimeoutMs = Math.max(timeoutMs, options.defaultTimeoutMs);
      const headers = headersFor(call);
      try {
        const transport = options.transport(method.parent);
        const response = await apartFromClient(() =>
          transport.unary(method, deadline.signal, ownTimeoutMs, headers, message),
        );
        return response.message;
      } catch (error) {
        throw deadline.passed ? late(peer, error) : translated(error, peer, method);
      } finally {
        deadline.done();
      }
    },
    async *serverStream(method, message, call) {
      assertSound(method.input, message);
      const peer = peerWithInstances(method.parent);
      try {
        const response = await options
          .transport(method.parent)
          .stream(method, call.signal, call.timeoutMs, headersFor(call), only(message));
        yield* response.message;
      } catch (error) {
        throw translated(error, peer, method);
      }
    },
  };
}

function assertSound(desc: DescMessage, message: Message): void {
  assertFewItems(desc, message);
  validateMessage(desc, message);
}

async function* only(message: Message) {
  yield message;
}

function isFault(error: { readonly code: number }): boolean {
  // Code.Internal: the client is told nothing, so the log must.
  return error.code === 13;
}
