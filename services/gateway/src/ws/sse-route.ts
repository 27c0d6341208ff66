import { Code } from "@connectrpc/connect";
import { type ChannelPosition, type Clock, errorWithHttpStatus, serviceError, type Timer } from "@weft/mesh";
import type { OwnRoute } from "../http/edge.ts";
import type { HttpRequest, HttpResponse } from "../http/http-server.ts";
import { type Channel, isRecoverable, parseChannel } from "./channel.ts";
import type { Hub } from "./hub.ts";
import { jsonCodec } from "./json-codec.ts";
import { SseConnection } from "./sse-connection.ts";
import { positionsFromEventId, SsePositions } from "./sse-positions.ts";

/*
 * Real time for who cannot hold a WebSocket, behind proxies that know HTTP alone: the channels are named in the request, and
 * a session subscribes to them as if a client had. What a browser does by itself is enough to miss nothing: it comes back with
 * the id of the last event it had, and recovers from there. Where it cannot give the id back in the header (a new EventSource,
 * with a new ticket) it may do so in the query.
 */

export const ssePath = "/api/realtime/sse";

/** Below the half minute after which proxies and mobile networks take a silent connection for dead. */
const beatIntervalMs = 15_000;

export function createSseRoute(options: {
  readonly hub: Pick<Hub, "admit" | "open">;
  readonly clock: Pick<Clock, "setTimer">;
  readonly channelsPerConnection: number;
  readonly beatMs?: number;
}): OwnRoute {
  const { hub, clock, channelsPerConnection, beatMs = beatIntervalMs } = options;

  async function answer(request: HttpRequest): Promise<HttpResponse> {
    const query = new URLSearchParams(request.query);
    const channels = channelsOf(query, channelsPerConnection);
    const lastEventId = request.headers.get("last-event-id") ?? query.get("lastEventId");
    const positions = lastEventId === null ? undefined : positionsOf(lastEventId);
    if (!carriesCredential(request, query)) {
      throw unauthenticated();
    }
    const subscriber = await hub.admit(request);
    let timer: Timer | undefined;
    const connection = new SseConnection(new SsePositions(), {
      onDrained: () => session.drained(),
      onClose: (code) => {
        timer?.cancel();
        // On a later turn: what has ended may be in the middle of telling why.
        queueMicrotask(() => session.closed(code));
      },
    });
    const session = hub.open(request, connection, jsonCodec, subscriber);
    const beat = (): void => {
      connection.beat();
      if (connection.isOpen) {
        timer = clock.setTimer(beat, beatMs);
      }
    };
    // At once, so that the client gets the head of the answer before there is news.
    beat();
    request.signal.addEventListener("abort", () => connection.cut());
    if (request.signal.aborted) {
      connection.cut();
    }
    channels.forEach((channel, at) => {
      const recover = isRecoverable(channel) ? { recover: positions?.get(channel.name) ?? null } : {};
      session.command(at + 1, { kind: "subscribe", channel, options: {}, ...recover });
    });
    return {
      status: 200,
      headers: new Headers({
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        // Of nginx and those that follow it: pass each event on as it comes.
        "x-accel-buffering": "no",
      }),
      body: connection.bytes(),
    };
  }

  return { methods: ["GET"], answer };
}

function carriesCredential({ headers }: HttpRequest, query: URLSearchParams): boolean {
  return headers.has("authorization") || query.has("ticket");
}

function channelsOf(query: URLSearchParams, most: number): readonly Channel[] {
  const names = [...new Set(query.getAll("channels").flatMap((list) => list.split(",")))].filter((name) => name !== "");
  if (names.length === 0 || names.length > most) {
    throw invalid(`channels: name 1 to ${most} channels, divided by commas; ${names.length} were given`);
  }
  return names.map((name) => {
    const channel = parseChannel(name);
    if (channel === undefined) {
      throw invalid(`channels: "${name.slice(0, 80)}" is no channel; each is <kind>:<id>`);
    }
    return channel;
  });
}

function positionsOf(id: string): ReadonlyMap<string, ChannelPosition> {
  const positions = positionsFromEventId(id);
  if (positions === undefined) {
    throw invalid("Last-Event-ID: send the id of the last event as it was given, or none");
  }
  return positions;
}

function unauthenticated(): Error {
  const message = "send an access token as a bearer token, or a ticket";
  const error = serviceError(Code.Unauthenticated, "TOKEN_MISSING", message);
  error.metadata.set("www-authenticate", "Bearer");
  return error;
}

function invalid(message: string): Error {
  return errorWithHttpStatus(400, Code.InvalidArgument, message);
}
