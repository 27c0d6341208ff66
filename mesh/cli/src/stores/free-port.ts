import { createServer } from "node:net";

/** A port of 127.0.0.1 that was free a moment ago, chosen by the system. */
export function findFreePort(): Promise<number> {
  return tryListen(0).then((port) => {
    if (port === undefined) {
      throw new Error("the system gave no free port on 127.0.0.1");
    }
    return port;
  });
}

/** Whether a port of 127.0.0.1 can be listened on right now. */
export async function isPortFree(port: number): Promise<boolean> {
  return (await tryListen(port)) !== undefined;
}

function tryListen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? address.port : undefined;
      server.close(() => resolve(bound));
    });
  });
}
