import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type Clock, systemClock } from "../clock.ts";
import { type Random, seededRandom } from "../random.ts";
import { ChaosFlow, type ChaosRules } from "./chaos-flow.ts";

/**
 * A bad network between a caller and a peer: a TCP proxy whose faults a test sets while it runs, for the connections that
 * are open and for those to come, each direction on its own ("up" is what the caller sends, "down" what it gets).
 *
 * Latency, bandwidth and blackhole are rules of the flow (chaos-flow.ts) and stay until they are changed; dialling goes on
 * working meanwhile, since only bytes are held back. Reset, half-close and refusal happen to whole connections. A FIN
 * passes in its own direction and leaves the other one as it is; a reset of one side becomes a reset of the other.
 */
export interface ChaosProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** For the latency; the system's when absent. */
  readonly clock?: Clock;
  /** For the jitter; seeded with 1 when absent, so that a run can be repeated. */
  readonly random?: Pick<Random, "next">;
  /** Called with each connection that comes, to note when it came. */
  readonly onAccept?: () => void;
}

export type ChaosDirection = "up" | "down";

export interface ChaosProxy {
  readonly host: string;
  readonly port: number;
  /** Connections that came so far. */
  readonly accepted: number;
  /** Connections whose caller has not closed. */
  readonly open: number;
  /** Bytes passed on so far. */
  readonly bytes: Readonly<Record<ChaosDirection, number>>;
  /** Changes rules of one direction, or of both. */
  set(rules: Partial<ChaosRules>, direction?: ChaosDirection): void;
  /** Both directions as they were at the start; what was held back arrives. */
  heal(): void;
  /** Resets every connection, on both sides. */
  reset(): void;
  /** Resets the next connections as soon as they are there. */
  resetNext(count: number): void;
  /** Ends one direction of every open connection with a FIN; the other one goes on. */
  halfClose(direction: ChaosDirection): void;
  /** Nobody listens any more; open connections stay. */
  refuse(): void;
  /** Listens again, on the same port. */
  accept(): Promise<void>;
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
}

/** One connection: the caller's socket, the one to the target, and what flows between them. */
interface Pair {
  readonly caller: Socket;
  readonly target: Socket;
  readonly up: ChaosFlow;
  readonly down: ChaosFlow;
}

const harmless: ChaosRules = { latencyMs: 0, jitterMs: 0, bytesPerSecond: Number.POSITIVE_INFINITY, blackhole: false };

/** Starts a proxy on a free port of the loopback interface. */
export async function startChaosProxy(options: ChaosProxyOptions): Promise<ChaosProxy> {
  const { clock = systemClock, random = seededRandom(1) } = options;
  const host = "127.0.0.1";
  const rules: Record<ChaosDirection, ChaosRules> = { up: { ...harmless }, down: { ...harmless } };
  const bytes: Record<ChaosDirection, number> = { up: 0, down: 0 };
  const pairs = new Set<Pair>();
  let accepted = 0;
  let resetsToCome = 0;

  const flow = (direction: ChaosDirection, source: Socket, sink: Socket): ChaosFlow =>
    new ChaosFlow({
      source,
      sink,
      rules: rules[direction],
      clock,
      random,
      onPassed: (passed) => {
        bytes[direction] += passed;
      },
    });
  const join = (caller: Socket): void => {
    const target = connect({ ...options.target, allowHalfOpen: true, noDelay: true });
    const pair = { caller, target, up: flow("up", caller, target), down: flow("down", target, caller) };
    pairs.add(pair);
    for (const socket of [caller, target]) {
      socket.once("close", () => {
        if (caller.closed && target.closed) {
          pairs.delete(pair);
        }
      });
    }
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (caller) => {
    accepted += 1;
    options.onAccept?.();
    if (resetsToCome > 0) {
      resetsToCome -= 1;
      caller.resetAndDestroy();
    } else {
      join(caller);
    }
  });
  const port = await listen(server, host, 0);

  const set: ChaosProxy["set"] = (change, direction) => {
    for (const one of direction === undefined ? (["up", "down"] as const) : [direction]) {
      Object.assign(rules[one], change);
    }
    for (const { up, down } of pairs) {
      up.wake();
      down.wake();
    }
  };
  return {
    host,
    port,
    bytes,
    get accepted() {
      return accepted;
    },
    get open() {
      return [...pairs].filter(({ caller }) => !caller.closed).length;
    },
    set,
    heal: () => set(harmless),
    reset: () => {
      for (const { caller, target } of pairs) {
        caller.resetAndDestroy();
        target.resetAndDestroy();
      }
    },
    resetNext: (count) => {
      resetsToCome = count;
    },
    halfClose: (direction) => {
      for (const pair of pairs) {
        pair[direction].finish();
      }
    },
    refuse: () => void server.close(),
    accept: async () => void (await listen(server, host, port)),
    close: async () => {
      server.close();
      const left = [...pairs].flatMap(({ caller, target }) => [caller, target]).filter((socket) => !socket.closed);
      await Promise.all(left.map((socket) => new Promise((resolve) => socket.once("close", resolve).destroy())));
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
