import { RealtimeError } from "./errors.ts";
import { type Platform, systemPlatform, type WebSocketConstructor } from "./platform.ts";

/** Why a token is asked for: a cached one will do for `connect`, a newer one is needed else. */
export type TokenPurpose = "connect" | "expiring" | "refused";

/**
 * Gives an access token. Nothing (null, undefined, "") says that nobody is signed in: the client becomes `unauthenticated`.
 * What it throws is taken for an outage, and it is asked again later; a RealtimeError `unauthenticated` is like nothing.
 */
export type TokenSource = (purpose: TokenPurpose) => Promise<string | null | undefined> | string | null | undefined;

export interface ConnectOptions {
  readonly token: TokenSource;
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
  /** In the place of the browser's or Node's. */
  readonly WebSocket?: WebSocketConstructor;
  readonly platform?: Partial<Platform>;
}

export interface Resolved {
  readonly url: string;
  readonly token: TokenSource;
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
} as const;

/** Timers take no more (2³¹ − 1 ms). */
const most = 2 ** 31 - 1;

/** Fills in the defaults. Throws a RealtimeError `invalid_argument` that names the option. */
export function resolveConnectOptions(url: string | URL, options: ConnectOptions): Resolved {
  const { token, shared = false, onError = tellConsole } = options;
  const platform = { ...systemPlatform(), ...options.platform };
  const WebSocket = options.WebSocket ?? platform.WebSocket;
  if (typeof token !== "function") {
    throw new RealtimeError("invalid_argument", "token must be a function that gives an access token");
  }
  if (WebSocket === undefined) {
    throw new RealtimeError("invalid_argument", "there is no WebSocket here; give one as the option WebSocket");
  }
  return {
    url: webSocketUrl(url),
    token,
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

function webSocketUrl(given: string | URL): string {
  const url = URL.canParse(String(given)) ? new URL(given) : undefined;
  const protocol = url?.protocol.replace(/^http/, "ws");
  if (url === undefined || (protocol !== "ws:" && protocol !== "wss:")) {
    throw new RealtimeError("invalid_argument", `url must be an absolute ws: or wss: address, not "${given}"`);
  }
  return `${protocol}${url.href.slice(url.protocol.length)}`;
}

function tellConsole(error: unknown): void {
  (globalThis as { readonly console?: { error(error: unknown): void } }).console?.error(error);
}
