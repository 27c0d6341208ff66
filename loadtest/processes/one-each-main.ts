import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import type { OneEachOrder } from "../stream/one-each.ts";

/*
 * What frames are instead of: a server that sends every message by itself to everybody, 24 bytes with the time at which it
 * was due: a simulation makes messages when it makes them, and one that is sent late is late. It runs as long as it was told
 * to, keeps the rate as well as it can, and leaves out what would buffer more than it may for a viewer.
 */

const order = JSON.parse(process.argv[2] ?? "") as OneEachOrder;
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.once("listening", () => process.send?.({ port: (server.address() as AddressInfo).port }));
server.on("connection", () => {
  if (server.clients.size === order.viewers) {
    send(performance.now(), 0);
  }
});

function send(startedMs: number, sentBefore: number): void {
  const elapsedMs = performance.now() - startedMs;
  const due = Math.floor((Math.min(elapsedMs, order.seconds * 1000) / 1000) * order.messagesPerSecond);
  // A turn sends a millisecond's worth at most, so that sockets are served in between.
  const until = Math.min(due, sentBefore + Math.ceil(order.messagesPerSecond / 1000));
  for (let index = sentBefore; index < until; index += 1) {
    const message = Buffer.alloc(24);
    message.writeDoubleLE(performance.timeOrigin + startedMs + (index / order.messagesPerSecond) * 1000, 0);
    for (const client of server.clients) {
      if (client.bufferedAmount < order.mostBufferedBytes) {
        client.send(message);
      }
    }
  }
  if (elapsedMs >= order.seconds * 1000) {
    process.exit(0);
  }
  const again = (): void => send(startedMs, until);
  if (until < due) {
    setImmediate(again);
  } else {
    setTimeout(again, 1);
  }
}
