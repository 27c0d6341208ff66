import { RealtimeError } from "./errors.ts";
import { jsonFormat } from "./json-format.ts";
import { type Platform, systemPlatform, type WebSocketConstructor } from "./platform.ts";
import type { Format } from "./protocol.ts";

/** Why a token is asked for: a cached one will do for `connect`, a newer one is needed else. */
export type TokenPurpose = "connect" | "expiring" | "refused";

/**
 * Gives an access token, or a ticket. Nothing (null, undefined, "") says that nobody is signed in: the client becomes
 * `unauthenticated`. What it throws is taken for an outage, and it is asked again later, not before `retryAfterMs` of a
 * RealtimeError; a RealtimeError `unauthenticated` is like nothing. `signal` ends when nobody waits for it any more.
 */
export type TokenSource = (
  purpose: TokenPurpose,
  request: { readonly signal: AbortSignal },
) => Promise<string | null | undefined> | string | null | undefined;

export interface ConnectOptions {
  /** One of `token` and `ticket` has to be there. */
  readonly token?: TokenSource | undefined;
  /**
   * Gives a ticket, which opens one connection: for pages that have no access token, or give it to nobody but the API
   * (`createTicketSource`). Where there is a `token` too, that one renews open connections; else a new connection does.
   */
  readonly ticket?: TokenSource | undefined;
  /**
   * Lets the tabs of this origin that give the same URL and name share one connection. Give each user a name of their own.
   * Default: every tab has its own. Where the browser has no locks or BroadcastChannel, every tab has its own as well.
   */
  readonly shared?: boolean | string;
  /** Hears errors that have no other place, first of all those that handlers throw. Default: the browser's or Node's console. */
  readonly onError?: (error: unknown) => void;
  /** Upper bound of the first delay after a failure. Default 500. */
  readonly reconnectBaseMs?: number;
  /** Upper bound of every delay. Default 20 000. */
  readonly reconnectMaxMs?: number;
  /** For opening the connection and being recognised. Default 10 000. */
  readonly connectTimeoutMs?: number;
  /** For the answer to a command, and for a token. Default 10 000. */
  readonly commandTimeoutMs?: number;
  /** Silence after which the server is asked whether it is there. Default 25 000; keep it under the server's idle time of 60 s. */
  readonly pingIntervalMs?: number;
  /** For its answer. Default 8000. */
  readonly pongTimeoutMs?: number;
  /** For its answer after the page woke up. Default 2500. */
  readonly wakeTimeoutMs?: number;
  /** Messages that may wait while a state is loaded; with more, it is loaded again. Default 10 000. */
  readonly maxWaitingMessages?: number;
  /** How frames are written on WebSockets: JSON, or `protobuf` of `@weft/realtime/protobuf`. It changes nothing else. */
  readonly format?: Format;
  /** WebSockets in a row that cannot be opened before a stream of events is tried. Default 3. */
  readonly webSocketAttempts?: number;
  /** For so long a stream is opened again without trying a WebSocket before. Default 300 000. */
  readonly retryWebSocketMs?: number;
  /** Where streams of events are; false for none. Default: `/api/realtime/sse` of the same host. */
  readonly eventStream?: string | URL | false;
  /** In the place of the browser's or Node's. */
  readonly WebSocket?: WebSocketConstructor;
  readonly platform?: Partial<Platform>;
}

export interface Resolved {
  readonly url: string;
  readonly eventStreamUrl: string | undefined;
  readonly token: TokenSource | undefined;
  readonly ticket: TokenSource | undefined;
  readonly format: Format;
  readonly shared: boolean | string;
  readonly onError: (error: unknown) => void;
  readonly durations: Readonly<Record<keyof typeof defaults, number>>;
  readonly platform: Platform & { readonly WebSocket: WebSocketConstructor };
}

const defaults = {
  reconnectBaseMs: 500,
  reconnectMaxMs: 20_000,
  connectTimeoutMs: 10_000,
  commandTimeoutMs: 10_000,
  pingIntervalMs: 25_000,
  pongTimeoutMs: 8000,
  wakeTimeoutMs: 2500,
  maxWaitingMessages: 10_000,
  webSocketAttempts: 3,
  retryWebSocketMs: 300_000,
} as const;

/** Of a gateway. */
const eventStreamPath = "/api/realtime/sse";

/** Timers take no more (2³¹ − 1 ms). */
const most = 2 ** 31 - 1;

/** Fills in the defaults. Throws a RealtimeError `invalid_argument` that names the option. */
export function resolveConnectOptions(url: string | URL, options: ConnectOptions): Resolved {
  const { token, ticket, format = jsonFormat, shared = false, onError = tellConsole } = options;
  const platform = { ...systemPlatform(), ...options.platform };
  const WebSocket = options.WebSocket ?? platform.WebSocket;
  if (token === undefined && ticket === undefined) {
    throw new RealtimeError("invalid_argument", "token or ticket must be there: a function that gives one");
  }
  assertSource("token", token);
  assertSource("ticket", ticket);
  if (WebSocket === undefined) {
    throw new RealtimeError("invalid_argument", "there is no WebSocket here; give one as the option WebSocket");
  }
  const { href } = urlOf("url", url, "ws");
  return {
    url: href,
    eventStreamUrl: eventStreamUrlOf(href, options.eventStream),
    token,
    ticket,
    format,
    shared,
    onError,
    durations: durationsOf(options),
    platform: { ...platform, WebSocket },
  };
}

function durationsOf(options: ConnectOptions): Resolved["durations"] {
  const durations: Record<keyof typeof defaults, number> = { ...defaults };
  for (const name of Object.keys(defaults) as (keyof typeof defaults)[]) {
    const given = options[name] ?? defaults[name];
    if (!(given >= 1 && given <= most)) {
      throw new RealtimeError("invalid_argument", `${name} must be a number from 1 to ${most}, not ${given}`);
    }
    durations[name] = given;
  }
  return durations;
}

function eventStreamUrlOf(webSocketUrl: string, given: string | URL | false | undefined): string | undefined {
  return given === false
    ? undefined
    : urlOf("eventStream", given ?? new URL(eventStreamPath, webSocketUrl), "http").href;
}

/** An address of the given scheme, with or without TLS as in what was given. */
function urlOf(name: string, given: string | URL, scheme: "ws" | "http"): URL {
  const url = URL.canParse(String(given)) ? new URL(given) : undefined;
  const isSecure = url?.protocol === "wss:" || url?.protocol === "https:";
  if (url === undefined || !(isSecure || url.protocol === "ws:" || url.protocol === "http:")) {
    throw new RealtimeError(
      "invalid_argument",
      `${name} must be an absolute ${scheme}: or ${scheme}s: address, not "${given}"`,
    );
  }
  return new URL(`${scheme}${isSecure ? "s" : ""}${url.href.slice(url.protocol.length - 1)}`);
}

function assertSource(name: string, source: unknown): void {
  if (source !== undefined && typeof source !== "function") {
    throw new RealtimeError(
      "invalid_argument",
      `${name} must be a function that gives a ${name}, not a ${typeof source}`,
    );
  }
}

function tellConsole(error: unknown): void {
  (globalThis as { readonly console?: { error(error: unknown): void } }).console?.error(error);
}
