import type {
  DescMessage,
  DescMethod,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  Message,
} from "@bufbuild/protobuf";
import type { Empty } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import {
  ChildCalls,
  type Clock,
  currentCall,
  DeadlineWheel,
  type Logger,
  type Mesh,
  validateMessage,
} from "@weft/mesh";
import { HeaderFields } from "@weft/transcoding";
import type { BackendShares } from "../traffic/backend-shares.ts";
import type { CallGate } from "../traffic/call-gate.ts";
import { isRead, type Reads } from "../traffic/reads.ts";
import { cacheControlOf } from "../traffic/response-cache.ts";
import { joinMs } from "../traffic/shared-reads.ts";
import { AbsenceLog } from "./absence-log.ts";
import { ClientWait, nobodyWaits, type WaitingClient } from "./client-wait.ts";
import type { Upstream } from "./exposed-methods.ts";
import { forwardedError, isUnavailable, late, unavailable } from "./forwarded-error.ts";
import { assertFewItems, assertFewItemsIn } from "./list-limit.ts";

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
  readonly client: WaitingClient;
  /** What the client asks for; the default when undefined. Never more than the maximum. */
  readonly timeoutMs?: number | undefined;
  readonly headers: Headers;
  /** What identical reads by the same protocol have in common; their message when undefined, which has to be encoded for it. */
  readonly readKey?: string | undefined;
  /** The answer must not be one that was on its way, or kept, when this was asked: for decisions about who may. */
  readonly fresh?: boolean;
}

export interface Forwarder {
  /**
   * Lets a call through by its token and its client's budget, before its message is decoded. Of a call that did not come
   * through the edge it has to be told the client's address: what its headers say of that is the client's own word.
   */
  authenticate(
    method: DescMethod,
    headers: Headers,
    client?: { readonly address: string | undefined } | undefined,
  ): ReturnType<CallGate["admit"]>;
  /** What the answer to a call with these very headers has to say about its client's budget. */
  answerHeaders: CallGate["answerHeaders"];
  /** Cache-Control of a good answer to such a call; undefined where it is not to be kept. */
  cacheControl(headers: Headers): string | undefined;
  /** The answer of the service. Throws ConnectErrors that may be shown to the client. */
  unary(method: DescMethodUnary, message: Message, call: ForwardedCall): Promise<Message>;
  /**
   * The same for a message that was not read: the service checks what it says. `as` is what it would be read as.
   */
  opaque(method: DescMethodUnary, message: Empty, call: ForwardedCall, as: DescMessage): Promise<Message>;
  /** The answers one by one; a stream has no deadline but the one its client sets. */
  serverStream(method: DescMethodServerStreaming, message: Message, call: ForwardedCall): AsyncIterable<Message>;
}

export interface ForwarderOptions {
  readonly upstreams: readonly Upstream[];
  readonly gate: CallGate;
  readonly reads: Reads;
  readonly shares: BackendShares;
  /** Makes the calls of one message; `transport` those with a stream of answers. */
  readonly call: Mesh["call"];
  readonly transport: (service: DescService) => Transport;
  readonly peerState: (peer: string) => { readonly instances: number };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly defaultTimeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** Where the edge notes the client's address for the services behind; it replaces whatever the client sent. */
export const clientAddressHeader = "x-forwarded-for";
/** What the client calls itself: shown to its user beside a session, and believed of nobody. */
const clientUserAgentHeader = "x-forwarded-user-agent";
const userAgentMax = 256;

export function createForwarder(options: ForwarderOptions): Forwarder {
  const peerOf = new Map(
    options.upstreams.flatMap(({ peer, services }) => services.map((service) => [service.typeName, peer] as const)),
  );

  const absences = new AbsenceLog(options.clock, options.logger);
  const wheel = new DeadlineWheel(options.clock);

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

  /** What the service is told of the client, as names and values in turn. */
  function metadataFor({ headers }: ForwardedCall, authorization: string | undefined): string[] {
    const metadata: string[] = [];
    const address = headers.get(clientAddressHeader);
    if (address !== null) {
      metadata.push(clientAddressHeader, address);
    }
    const userAgent = headers.get("user-agent");
    if (userAgent !== null) {
      metadata.push(clientUserAgentHeader, userAgent.slice(0, userAgentMax));
    }
    // An empty one, too: without any, the call at hand would lend its own.
    if (authorization !== undefined) {
      metadata.push("authorization", authorization);
    }
    return metadata;
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

  /** `unreadAs` is what a message that was not read would be read as. */
  async function forward(
    method: DescMethodUnary,
    message: Message,
    call: ForwardedCall,
    unreadAs?: DescMessage,
  ): Promise<Message> {
    if (unreadAs === undefined) {
      assertSound(method.input, message);
    } else {
      assertFewItemsIn(unreadAs, message as Empty);
    }
    const peer = peerWithInstances(method.parent);
    const timeoutMs = Math.min(call.timeoutMs ?? options.defaultTimeoutMs, options.maxTimeoutMs);
    const ownTimeoutMs = Math.max(timeoutMs, options.defaultTimeoutMs);
    const authorization = authorizationOf(call);
    const credentials = authorization ?? "";
    const metadata = metadataFor(call, authorization);
    const read = isRead(method);
    const send = async (endsWith: ChildCalls, withinMs: number): Promise<Message> => {
      options.shares.enter(peer, read ? "read" : "change");
      try {
        return await options.call(method, message, { metadata, timeoutMs: withinMs, endsWith });
      } finally {
        options.shares.leave(peer);
      }
    };
    const wait = new ClientWait(wheel, call.client, options.clock.monotonicMs(), timeoutMs);
    try {
      if (read && call.fresh !== true) {
        const asked = { method, message, credentials, key: call.readKey };
        return await options.reads.read(asked, wait, (calls) => send(calls, ownTimeoutMs + joinMs));
      }
      const calls = new ChildCalls();
      wait.begin(() => calls.end(nobodyWaits()));
      return await send(calls, ownTimeoutMs);
    } catch (error) {
      throw wait.left === "late" ? late(peer, error) : translated(error, peer, method);
    } finally {
      wait.end();
      if (!read) {
        options.reads.changed(credentials);
      }
    }
  }

  return {
    authenticate: (method, headers, client = { address: headers.get(clientAddressHeader) ?? undefined }) =>
      options.gate.admit(method, headers, client.address),
    answerHeaders: options.gate.answerHeaders,
    cacheControl: (headers) => {
      const method = options.gate.methodOf(headers);
      return method === undefined ? undefined : cacheControlOf(method);
    },
    unary: (method, message, call) => forward(method, message, call),
    opaque: forward,
    async *serverStream(method, message, call) {
      assertSound(method.input, message);
      const peer = peerWithInstances(method.parent);
      const headers = new HeaderFields(pairsOf(metadataFor(call, authorizationOf(call))));
      try {
        const response = await options
          .transport(method.parent)
          .stream(method, call.client.signal, call.timeoutMs, headers, only(message));
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

/** Named for each call, so that it is its own, whatever context a timer or a socket was started in. */
function authorizationOf({ headers }: ForwardedCall): string | undefined {
  return headers.get("authorization") ?? currentCall()?.authorization;
}

function* pairsOf(list: readonly string[]): Generator<[name: string, value: string]> {
  for (let index = 0; index + 1 < list.length; index += 2) {
    yield [list[index] as string, list[index + 1] as string];
  }
}

async function* only(message: Message) {
  yield message;
}

function isFault(error: { readonly code: number }): boolean {
  // Code.Internal: the client is told nothing, so the log must.
  return error.code === 13;
}
