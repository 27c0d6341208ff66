import type { ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { Instance } from "../registry/registry.ts";
import { staticInstance } from "../registry/static-instances.ts";
import { createH2cServer } from "../server/h2c-server.ts";
import { serverListener } from "../server/ports.ts";

/** A peer that answers by script: real sockets, handlers written in the test, and an end when the test says so. */
export interface ScriptedPeer {
  readonly port: number;
  /** Its record, as a registry would hold it. */
  instance(name: string): Instance;
  /** Lets calls in flight finish. */
  drain(): Promise<void>;
  /** Cuts every connection, as a crash would. */
  destroy(): void;
}

/** Starts a peer on a free port, or on the given one to bring a crashed peer back. */
export async function startScriptedPeer(routes: (router: ConnectRouter) => void, port = 0): Promise<ScriptedPeer> {
  const server = createH2cServer(connectNodeAdapter({ routes }) as Parameters<typeof createH2cServer>[0]);
  const opened = await serverListener(server.server).listen(port, "127.0.0.1");
  return {
    port: opened,
    instance: (name) => staticInstance(name, "127.0.0.1", opened),
    drain: () => server.drain(),
    destroy: () => server.destroy(),
  };
}
