import { describe, expect, it } from "vitest";
import { jsonCodec } from "./json-codec.ts";

const publish = (body: object) => JSON.stringify({ id: 5, publish: body });
const subscribe = (body: object) => JSON.stringify({ id: 2, subscribe: body });

describe("parseFrame", () => {
  it.each([
    ['{"id":1,"connect":{"token":"t"}}', 1, { kind: "connect", token: "t" }],
    ['{"id":0,"refresh":{"token":"t"}}', 0, { kind: "refresh", token: "t" }],
    ['{"id":4,"ping":{}}', 4, { kind: "ping" }],
    [
      '{"id":5,"publish":{"channel":"room:p","data":{"x": 1, "__proto__": 2},"key":"cursor"}}',
      5,
      {
        kind: "publish",
        channel: { name: "room:p", kind: "room", id: "p" },
        data: '{"x":1,"__proto__":2}',
        key: "cursor",
      },
    ],
    [
      '{"id":3,"unsubscribe":{"channel":"project:p-1"}}',
      3,
      { kind: "unsubscribe", channel: { name: "project:p-1", kind: "project", id: "p-1" } },
    ],
    [
      subscribe({ channel: "notifications:u_1" }),
      2,
      { kind: "subscribe", channel: { name: "notifications:u_1", kind: "notifications", id: "u_1" }, options: {} },
    ],
    [
      subscribe({ channel: "project:p", recover: { epoch: "0a9", offset: 12 } }),
      2,
      {
        kind: "subscribe",
        channel: { name: "project:p", kind: "project", id: "p" },
        options: {},
        recover: { epoch: "0a9", offset: 12 },
      },
    ],
    [
      subscribe({ channel: "notifications:u", recover: null }),
      2,
      {
        kind: "subscribe",
        channel: { name: "notifications:u", kind: "notifications", id: "u" },
        options: {},
        recover: null,
      },
    ],
    [
      subscribe({ channel: "simulation:s", components: ["b", "a", "b"], maxRateHz: 10 }),
      2,
      {
        kind: "subscribe",
        channel: { name: "simulation:s", kind: "simulation", id: "s" },
        options: { detail: ["a", "b"], everyMs: 100 },
      },
    ],
    [
      subscribe({ channel: "simulation:s", encoding: "binary", detail: ["b", "a"], everyMs: 100 }),
      2,
      {
        kind: "subscribe",
        channel: { name: "simulation:s", kind: "simulation", id: "s" },
        options: { encoding: "binary", detail: ["a", "b"], everyMs: 100 },
      },
    ],
    [
      subscribe({ channel: "simulation:s", encoding: "json", detail: "overview" }),
      2,
      {
        kind: "subscribe",
        channel: { name: "simulation:s", kind: "simulation", id: "s" },
        options: { encoding: "json", detail: "overview" },
      },
    ],
  ])("reads %s", (text, id, command) => {
    expect(jsonCodec.decode(Buffer.from(text))).toEqual({ ok: true, id, command });
  });

  it.each([
    ["", undefined, "a frame must be JSON"],
    ["{", undefined, "a frame must be JSON"],
    ["[]", undefined, "a frame must be a JSON object"],
    ["null", undefined, "a frame must be a JSON object"],
    ["{}", undefined, '"id" must be'],
    ['{"id":"1","ping":{}}', undefined, '"id" must be'],
    ['{"id":-1,"ping":{}}', undefined, '"id" must be'],
    ['{"id":1.5,"ping":{}}', undefined, '"id" must be'],
    ['{"id":1}', 1, "exactly one of"],
    ['{"id":1,"publishes":{}}', 1, "exactly one of"],
    ['{"id":1,"publish":{}}', 1, '"publish.channel" must be'],
    [publish({ channel: "project:p", data: 1 }), 5, '"publish" applies to room channels only'],
    [publish({ channel: "room:p" }), 5, '"publish.data" must be a JSON value of at most 4096 bytes'],
    [publish({ channel: "room:p", data: "é".repeat(2048) }), 5, '"publish.data" must be'],
    [publish({ channel: "room:p", data: 1, key: "" }), 5, '"publish.key" must be 1 to 64'],
    [publish({ channel: "room:p", data: 1, key: "a b" }), 5, '"publish.key" must be'],
    [publish({ channel: "room:p", data: 1, from: "u" }), 5, '"publish" has no "from"'],
    [subscribe({ channel: "room:p", everyMs: 100 }), 2, "simulation channels only"],
    ['{"id":1,"__proto__":{}}', 1, "exactly one of"],
    ['{"id":1,"ping":{},"connect":{"token":"t"}}', 1, "exactly one of"],
    ['{"id":1,"ping":[]}', 1, '"ping" must be a JSON object'],
    ['{"id":1,"ping":{"a":1}}', 1, '"ping" has no "a"'],
    ['{"id":1,"connect":{}}', 1, '"connect.token" must be'],
    ['{"id":1,"connect":{"token":""}}', 1, '"connect.token" must be'],
    ['{"id":1,"connect":{"token":7}}', 1, '"connect.token" must be'],
    [JSON.stringify({ id: 1, connect: { token: "x".repeat(8193) } }), 1, "1 to 8192 characters"],
    ['{"id":1,"connect":{"token":"t","user":"u"}}', 1, '"connect" has no "user"'],
    ['{"id":1,"refresh":{"token":null}}', 1, '"refresh.token" must be'],
    [subscribe({}), 2, '"subscribe.channel" must be'],
    [subscribe({ channel: 1 }), 2, '"subscribe.channel" must be'],
    [subscribe({ channel: "simulation:" }), 2, '"subscribe.channel" must be'],
    [subscribe({ channel: "simulation:*" }), 2, '"subscribe.channel" must be'],
    [subscribe({ channel: "simulation:a:b" }), 2, '"subscribe.channel" must be'],
    [subscribe({ channel: "auth:revocations" }), 2, '"subscribe.channel" must be'],
    [subscribe({ channel: "constructor:a" }), 2, '"subscribe.channel" must be'],
    [subscribe({ channel: `simulation:${"a".repeat(65)}` }), 2, '"subscribe.channel" must be'],
    [subscribe({ channel: 'simulation:a"' }), 2, '"subscribe.channel" must be'],
    [subscribe({ channel: "simulation:a\n" }), 2, '"subscribe.channel" must be'],
    [subscribe({ channel: "project:p", maxRateHz: 1 }), 2, "simulation channels only"],
    [subscribe({ channel: "simulation:s", maxRateHz: 0 }), 2, "from 0.1 to 60"],
    [subscribe({ channel: "simulation:s", maxRateHz: 61 }), 2, "from 0.1 to 60"],
    [subscribe({ channel: "simulation:s", maxRateHz: "10" }), 2, "from 0.1 to 60"],
    [subscribe({ channel: "simulation:s", components: [] }), 2, "1 to 256 component ids"],
    [subscribe({ channel: "simulation:s", components: "a" }), 2, "1 to 256 component ids"],
    [subscribe({ channel: "simulation:s", components: [1] }), 2, "1 to 256 component ids"],
    [subscribe({ channel: "simulation:s", components: [""] }), 2, "1 to 256 component ids"],
    [subscribe({ channel: "simulation:s", components: ["a".repeat(64)] }), 2, "1 to 256 component ids"],
    [subscribe({ channel: "simulation:s", components: Array(257).fill("a") }), 2, "1 to 256 component ids"],
    [subscribe({ channel: "project:p", encoding: "binary" }), 2, '"subscribe.encoding" applies to simulation'],
    [subscribe({ channel: "notifications:u", detail: "all" }), 2, "simulation channels only"],
    [subscribe({ channel: "simulation:s", encoding: "cbor" }), 2, 'must be "json" or "binary"'],
    [subscribe({ channel: "simulation:s", encoding: null }), 2, 'must be "json" or "binary"'],
    [subscribe({ channel: "simulation:s", detail: "some" }), 2, 'must be "overview" or "all", or list 1 to 256'],
    [subscribe({ channel: "simulation:s", detail: [] }), 2, 'must be "overview" or "all", or list 1 to 256'],
    [subscribe({ channel: "simulation:s", detail: [7] }), 2, 'must be "overview" or "all", or list 1 to 256'],
    [subscribe({ channel: "simulation:s", everyMs: 0 }), 2, "from 1 to 60000"],
    [subscribe({ channel: "simulation:s", everyMs: 60_001 }), 2, "from 1 to 60000"],
    [subscribe({ channel: "simulation:s", everyMs: "1s" }), 2, "from 1 to 60000"],
    [subscribe({ channel: "simulation:s", everyMs: 100, maxRateHz: 10 }), 2, '"everyMs" or "maxRateHz", not both'],
    [subscribe({ channel: "simulation:s", detail: "all", components: ["a"] }), 2, '"detail" or "components", not both'],
    [subscribe({ channel: "simulation:s", rate: 10 }), 2, '"subscribe" has no "rate"'],
    [
      subscribe({ channel: "simulation:s", recover: null }),
      2,
      '"subscribe.recover" applies to project and notifications',
    ],
    [subscribe({ channel: "traces:s", recover: { epoch: "e", offset: 0 } }), 2, '"subscribe.recover" applies to'],
    [subscribe({ channel: "project:p", recover: true }), 2, '"subscribe.recover" must be a JSON object'],
    [
      subscribe({ channel: "project:p", recover: { epoch: "e" } }),
      2,
      '"subscribe.recover.offset" must be a whole number',
    ],
    [subscribe({ channel: "project:p", recover: { epoch: "e", offset: -1 } }), 2, '"subscribe.recover.offset" must be'],
    [
      subscribe({ channel: "project:p", recover: { epoch: "e", offset: 0.5 } }),
      2,
      '"subscribe.recover.offset" must be',
    ],
    [
      subscribe({ channel: "project:p", recover: { epoch: "E", offset: 0 } }),
      2,
      "1 to 64 lower-case letters and digits",
    ],
    [subscribe({ channel: "project:p", recover: { epoch: "", offset: 0 } }), 2, '"subscribe.recover.epoch" must be'],
    [
      subscribe({ channel: "project:p", recover: { epoch: "e", offset: 0, at: 1 } }),
      2,
      '"subscribe.recover" has no "at"',
    ],
    ['{"id":3,"unsubscribe":{"channel":"x"}}', 3, '"unsubscribe.channel" must be'],
  ])("refuses %s", (text, id, message) => {
    expect(jsonCodec.decode(Buffer.from(text))).toEqual({ ok: false, id, message: expect.stringContaining(message) });
  });
});
