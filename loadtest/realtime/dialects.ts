/*
 * How the clients of each contender speak, as data: one lean client serves all three, so that none is measured by its own
 * client library. What is sent to connect and subscribe is what those libraries send.
 */

export const liveContenderIds = ["weft", "socket.io", "ws"] as const;
export type LiveContenderId = (typeof liveContenderIds)[number];

export interface Dialect {
  readonly path: string;
  readonly subprotocol?: string;
  /** What the server says first, what is answered, and what it says to that; without it the upgrade is all. */
  readonly greeting?: { readonly first: string; readonly answer: string; readonly welcome: string };
  subscribe(channel: string): string;
  /** Beginnings of the confirmation and of a message. */
  readonly subscribed: string;
  readonly push: string;
  /** Of an answer that it cannot be done now; asking again may help. */
  readonly refused?: string;
  /** A frame that asks for a sign of life, and the answer. */
  readonly keepAlive?: { readonly asked: string; readonly answer: string };
}

export const dialects: Readonly<Record<LiveContenderId, Dialect>> = {
  weft: {
    path: "/ws",
    subprotocol: "weft.v1",
    subscribe: (channel) => JSON.stringify({ id: 1, subscribe: { channel } }),
    subscribed: '{"id":1,"subscribed":',
    refused: '{"id":1,"error":',
    push: '{"push":',
  },
  // Engine.IO 4, Socket.IO protocol 5: packet types in front, 0 open, 4 message; of messages 0 connect, 2 event, 3 answer.
  "socket.io": {
    path: "/socket.io/?EIO=4&transport=websocket",
    greeting: { first: "0{", answer: "40", welcome: "40{" },
    subscribe: (channel) => `420["subscribe",${JSON.stringify(channel)}]`,
    subscribed: "430[",
    push: '42["push",',
    keepAlive: { asked: "2", answer: "3" },
  },
  ws: {
    path: "/",
    subscribe: (channel) => JSON.stringify({ subscribe: channel }),
    subscribed: '{"subscribed":',
    push: '{"push":',
  },
};

/** A message of 150 bytes as JSON. By `number` the client that looks sees that none is missing or out of order. */
export function liveMessage(number: number): { readonly number: number; readonly text: string } {
  return { number, text: filling };
}
const filling =
  "a change that somebody made, in some words, of about the length that such changes have in practice; and no more";
