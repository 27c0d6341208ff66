import { setImmediate } from "node:timers/promises";
import { systemClock } from "@weft/mesh";
import { WebSocket } from "ws";
import type { UpgradeDecision } from "../src/http/http-server.ts";
import { createUwsServer } from "../src/http/uws-server.ts";

/** Of `upgrade.test.ts`: says how many clients had an answer on the connection that they opened; the argument says when it decides. */

const connections = 60;
/** The bit that says "close when answered", alone. */
const hostileByte = 0x10;
const kept: Buffer[] = [];

const decision: UpgradeDecision = {
  accept: true,
  protocol: "weft.v1",
  open: (connection) => {
    for (let size = 16; size < 480; size += 8) {
      kept.push(Buffer.allocUnsafeSlow(size).fill(hostileByte));
    }
    return {
      message: (bytes) => connection.send(Uint8Array.from(bytes)),
      drained: () => undefined,
      closed: () => undefined,
    };
  },
};

const decide = {
  now: () => decision,
  soon: () => Promise.resolve(decision),
  later: () => setImmediate(decision),
};

const server = createUwsServer(
  {
    handler: () => Promise.reject(new Error("not asked for")),
    webSocket: {
      path: "/ws",
      frameMaxBytes: 1024,
      idleTimeoutSeconds: 60,
      upgrade: () => decide[process.argv[2] as keyof typeof decide](),
    },
    bodyMaxBytes: 1024,
    bodyTimeoutMs: 1000,
    sendTimeoutMs: 1000,
  },
  systemClock,
);
const port = await server.listen("127.0.0.1", 0);

/** Whether a connection was opened, and an answer came on it. */
function isAnswered(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, "weft.v1");
    socket.on("open", () => socket.send("hello"));
    socket.on("message", () => {
      socket.terminate();
      resolve(true);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(false));
  });
}

let answered = 0;
for (let at = 0; at < connections; at += 1) {
  answered += (await isAnswered()) ? 1 : 0;
}
server.close();
console.log(`${answered} of ${connections} connections were answered`);
