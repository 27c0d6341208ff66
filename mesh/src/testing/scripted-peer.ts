import type { ConnectRouter, Interceptor } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type Clock, systemClock } from "../clock.ts";
import { Metrics } from "../metrics/metrics.ts";
import { systemRandom } from "../random.ts";
import type { Instance } from "../registry/registry.ts";
import { staticInstance } from "../registry/static-instances.ts";
import { createH2cServer } from "../server/h2c-server.ts";
import { observe } from "../server/observe.ts";
import { serverListener } from "../server/ports.ts";
import { createRpcServer } from "../server/rpc-server.ts";
import { validate } from "../server/validate.ts";
import { silentLogger } from "./silent-logger.ts";

/** A peer that answers by script: real sockets, handlers written in the test, and an end when the test says so. */
export interface ScriptedPeer {
  readonly port: number;
  /** What it counted. */
  readonly metrics: Metrics;
  /** Calls that it works on. */
  readonly inFlight: number;
  /** Its record, as a registry would hold it. */
  instance(name: string): Instance;
  /** Lets calls in flight finish. */
  drain(): Promise<void>;
  /** Cuts every connection, as a crash would. */
  destroy(): void;
}

export interface ScriptedPeerOptions {
  /** A free one when absent; given to bring a crashed peer back. */
  readonly port?: number;
  /** Whether it speaks lanes; true when absent. Without them every call comes as Connect serves it. */
  readonly lanes?: boolean;
  readonly interceptors?: readonly Interceptor[];
  readonly clock?: Clock;
}

/** Starts a peer on 127.0.0.1. */
export async function startScriptedPeer(
  routes: (router: ConnectRouter) => void,
  options: ScriptedPeerOptions = {},
): Promise<ScriptedPeer> {
  const metrics = new Metrics();
  const fast = createRpcServer({
    routes,
    interceptors: options.interceptors ?? [],
    clock: options.clock ?? systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics,
    admission: undefined,
    authorization: undefined,
    callerOf: () => undefined,
  });
  const seen = observe({
    clock: options.clock ?? systemClock,
    random: systemRandom,
    logger: silentLogger,
    metrics,
    load: fast.load,
  });
  const adapter = connectNodeAdapter({ routes, interceptors: [seen, validate(), ...(options.interceptors ?? [])] });
  const server = createH2cServer(
    adapter as Parameters<typeof createH2cServer>[0],
    options.lanes === false ? undefined : fast.onStream,
  );
  const opened = await serverListener(server.server).listen(options.port ?? 0, "127.0.0.1");
  return {
    port: opened,
    metrics,
    get inFlight() {
      return fast.load.inFlight;
    },
    instance: (name) => staticInstance(name, "127.0.0.1", opened),
    drain: async () => {
      fast.drain();
      await server.drain();
    },
    destroy: () => {
      fast.close();
      server.destroy();
    },
  };
}
