import { bytesOf, type FieldValue, readFields, textOf } from "./wire.ts";

/*
 * The gateway's frames (`weft.realtime.v1.ServerFrame`) as tables: field number to name and reading. What comes out is the
 * object that the JSON form has for the same frame, so that everything behind it is one. Fields that are not listed are
 * stepped over: what a client has no use for, and what a newer gateway adds.
 */

type Read = (value: FieldValue) => unknown;
type Message = Readonly<Record<string, unknown>>;

interface Field {
  readonly name: string;
  readonly read: Read;
  readonly isRepeated?: true;
}

/** Of a message: its fields, what they are when they are not there, and how the JSON form has it. */
function message(
  fields: Readonly<Record<number, Field>>,
  absent: Message = {},
  shape: (found: Message) => unknown = (found) => found,
): Read {
  return (value) => {
    const found: Record<string, unknown> = { ...absent };
    readFields(bytesOf(value), (number, content) => {
      const field = fields[number];
      if (field !== undefined) {
        const { name, read, isRepeated } = field;
        found[name] = isRepeated ? [...((found[name] as unknown[]) ?? []), read(content)] : read(content);
      }
    });
    return shape(found);
  };
}

const text = (name: string): Field => ({ name, read: textOf });
const number = (name: string): Field => ({ name, read: (value) => value });
const json = (name: string): Field => ({ name, read: (value) => JSON.parse(textOf(value)) });
const flag = (name: string): Field => ({ name, read: (value) => value === 1 });
const part = (name: string, read: Read): Field => ({ name, read });
const list = (name: string, read: Read): Field => ({ name, read, isRepeated: true });

/** A part whose members are those of the whole, in JSON. */
const inline =
  (name: string) =>
  ({ [name]: members, ...others }: Message): Message => ({ ...others, ...(members as Message | undefined) });

const position = part("position", message({ 1: text("epoch"), 2: number("offset") }, { epoch: "", offset: 0 }));
const publication = message({ 1: number("offset"), 2: json("data") }, { offset: 0 });
const names = message({ 1: list("joined", textOf), 2: list("left", textOf) }, { joined: [], left: [] });
const client = message({ 1: text("userId") });
const clients = message({ 1: list("clients", client) }, { clients: [] });
const limits = message({ 3: number("framesPerSecond") });
const identity = message({ 1: text("userId"), 3: part("limits", limits) });
const channelOnly = message({ 1: text("channel") }, { channel: "" });

const subscribed = message(
  { 1: text("channel"), 3: position, 4: flag("recovered"), 5: list("publications", publication) },
  {},
  inline("position"),
);
const presence = message(
  { 1: text("channel"), 2: number("users"), 4: part("clients", clients) },
  { users: 0 },
  inline("clients"),
);
const presenceChange = message(
  { 1: text("channel"), 2: number("users"), 3: part("names", names) },
  { users: 0 },
  inline("names"),
);
const error = message({ 1: text("code"), 2: text("message"), 3: text("reason"), 4: number("retryAfterMs") });
const push = message({
  1: text("channel"),
  2: json("data"),
  3: part("data", (value) => Uint8Array.from(bytesOf(value))),
  4: number("offset"),
  5: number("skipped"),
  6: text("from"),
  7: text("key"),
});
const gap = message({ 1: text("channel"), 2: position }, { code: "gap" }, inline("position"));
const ended = message(
  { 1: text("channel"), 2: text("reason"), 3: text("message") },
  { code: "subscription_ended", message: "" },
);
const draining = message({ 1: number("reconnectAfterMs") }, { code: "draining", reconnectAfterMs: 0 });
const notice = message(
  {
    1: part("notice", message({}, { code: "token_expiring" })),
    2: part("notice", gap),
    3: part("notice", ended),
    4: part("notice", draining),
  },
  {},
  ({ notice: only }) => only,
);

const serverFrame = message({
  1: number("id"),
  2: part("connected", identity),
  3: part("refreshed", identity),
  4: part("subscribed", subscribed),
  5: part("unsubscribed", channelOnly),
  6: part("presence", presence),
  7: part("published", message({})),
  8: part("pong", message({})),
  9: part("error", error),
  10: part("push", push),
  11: part("presence", presenceChange),
  12: part("notice", notice),
});

/** Gives the frame as JSON has it. Throws when the bytes are none. */
export function objectOfServerFrame(bytes: Uint8Array): unknown {
  return serverFrame(bytes);
}
