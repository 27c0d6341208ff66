import { expect, it } from "vitest";
import { ClientConnection } from "./client-connection.ts";
import { jsonCodec } from "./json-codec.ts";

it("a client that asks and reads no answers is too slow, like a reader of messages", () => {
  const sent: unknown[] = [];
  let bufferedBytes = 100;
  const socket = {
    send: (frame: unknown) => sent.push(frame),
    close: () => undefined,
    get bufferedBytes() {
      return bufferedBytes;
    },
  };
  const tooSlow = () => sent.push("too slow");
  const connection = new ClientConnection(socket, jsonCodec, 100, { tooSlow });
  connection.send({ kind: "pong", id: 1 });
  bufferedBytes = 101;
  connection.send({ kind: "pong", id: 2 });
  expect(sent).toEqual(['{"id":1,"pong":{}}', "too slow"]);
});
