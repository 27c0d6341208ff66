import { connect } from "node:net";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type RawData, WebSocket } from "ws";
import { hostileTexts } from "./hostile-texts.ts";
import { leakIn } from "./judge.ts";
import { mutateJson } from "./mutate-text.ts";
import { Random } from "./random.ts";
import type { World } from "./world.ts";

/*
 * WebSocket connections of one seed each: commands that are right, nearly right or nothing at all, in any order and without
 * waiting for answers; and below that, frames that break the protocol itself. Whatever is sent, every answer has a documented
 * form, and either a last ping is answered or the connection ends with a documented code.
 */

/** By the table of the protocol's README; 1006 is what is left when the server drops whoever breaks RFC 6455 or a limit. */
const closeCodes: ReadonlySet<number> = new Set([1000, 1003, 1005, 1006, 1007, 1009, 1012, 1013, 4401, 4429]);
const serverFrames: ReadonlySet<string> = new Set([
  ...["id", "connected", "refreshed", "subscribed", "unsubscribed", "pong", "presence", "error", "push", "notice"],
]);
/** `canceled` is what becomes of a subscription that its client has ended before it began. */
const errorCodes =
  /^(?:canceled|invalid_argument|unauthenticated|permission_denied|not_found|resource_exhausted|failed_precondition|unavailable|aborted|deadline_exceeded|already_exists)$/;
const lastPing = 987_654_321;

/** What is wrong with how one connection was served; undefined when nothing is. */
export async function fuzzSocket(
  address: string,
  world: World,
  seed: number,
  index: number,
): Promise<string | undefined> {
  const random = new Random(seed, index);
  const fault = random.chance(0.2)
    ? await brokenFrames(address, world, random)
    : await commands(address, world, random);
  return fault && `WebSocket, seed ${seed}, case ${index}: ${fault}`;
}

type Sent = string | Buffer;

async function commands(address: string, world: World, random: Random): Promise<string | undefined> {
  const { accessToken } = world.owner;
  const early = random.chance(0.5);
  const sent: Sent[] = early || random.chance(0.1) ? [] : [JSON.stringify({ id: 0, connect: { token: accessToken } })];
  const count = 1 + random.below(12);
  for (let at = 0; at < count; at += 1) {
    sent.push(anyFrame(world, random));
  }
  const socket = new WebSocket(`${address.replace(/^http/, "ws")}/ws`, "weft.v1", {
    headers: early ? { authorization: `Bearer ${accessToken}` } : {},
  });
  // A connection that goes in the middle of its own commands.
  const leaves = random.chance(0.1);
  return new Promise((resolve) => {
    let fault: string | undefined;
    const done = (found?: string): void => {
      socket.terminate();
      const story = sent.map((frame) => String(frame).slice(0, 200)).join("\n  ");
      const first = fault ?? found;
      resolve(first && `${first}\n  ${story}`);
    };
    socket.on("open", () => {
      for (const frame of sent) {
        socket.send(frame);
      }
      socket.send(JSON.stringify({ id: lastPing, ping: {} }));
      if (leaves) {
        done();
      }
    });
    socket.on("message", (data, isBinary) => {
      fault ??= isBinary ? undefined : faultOfFrame(data);
      if (!isBinary && String(data).includes(`"id":${lastPing},"pong"`)) {
        done();
      }
    });
    socket.on("close", (code, reason) =>
      done(closeCodes.has(code) ? leakIn(String(reason)) : `closed with ${code} ${String(reason)}`),
    );
    socket.on("error", (error) => done(leaves ? undefined : `failed: ${error.message}`));
  });
}

function faultOfFrame(data: RawData): string | undefined {
  const text = String(data);
  let frame: JsonObject;
  try {
    frame = JSON.parse(text) as JsonObject;
  } catch {
    return `sent what is no JSON: ${text.slice(0, 200)}`;
  }
  const unknown = Object.keys(frame).find((name) => !serverFrames.has(name));
  if (unknown !== undefined) {
    return `sent an unknown frame: ${text.slice(0, 200)}`;
  }
  const error = frame.error as { readonly code?: string; readonly message?: string } | undefined;
  if (error === undefined) {
    return undefined;
  }
  return errorCodes.test(error.code ?? "") && error.message !== undefined && error.message !== ""
    ? leakIn(text)
    : `answered with ${text.slice(0, 300)}`;
}

function anyFrame(world: World, random: Random): Sent {
  const frame = goodFrame(world, random);
  const text = JSON.stringify(frame);
  const roll = random.next();
  if (roll < 0.35) {
    return text;
  }
  if (roll < 0.7) {
    return JSON.stringify(oddLeaf(frame, random));
  }
  if (roll < 0.9) {
    // Text frames must be text: what became no UTF-8 goes out as what a reader makes of it.
    return mutateJson(text, random).body.toString();
  }
  return roll < 0.97 ? random.pick(hostileTexts) : random.bytes(random.below(100));
}

function goodFrame({ owner, project, running, finished }: World, random: Random): JsonObject {
  const id = random.below(1000);
  const channel = random.pick([
    `simulation:${running}`,
    `simulation:${finished}`,
    `traces:${running}`,
    `project:${project}`,
    `notifications:${owner.user.id}`,
  ]);
  const simulated = channel.startsWith("simulation:");
  switch (random.below(8)) {
    case 0:
      return { id, connect: { token: owner.accessToken } };
    case 1:
      return { id, refresh: { token: owner.accessToken } };
    case 2:
      return { id, ping: {} };
    case 3:
      return { id, unsubscribe: { channel } };
    case 4:
      return { id, presence: { channel } };
    case 5:
      return simulated
        ? { id, subscribe: { channel, encoding: "binary", detail: ["api"], everyMs: 100 } }
        : { id, subscribe: { channel, recover: { epoch: "a", offset: 3 } } };
    default:
      return { id, subscribe: { channel, presence: random.chance(0.3) } };
  }
}

/** One value of a frame replaced, one left out, or one too many. */
function oddLeaf(frame: JsonObject, random: Random): JsonValue {
  const odd: readonly JsonValue[] = [
    null,
    true,
    -1,
    1.5,
    2 ** 53,
    1e308,
    [],
    {},
    { a: { b: [] } },
    [[]],
    ...hostileTexts,
  ];
  const paths = pathsOf(frame);
  const path = random.pick(paths);
  const copy = structuredClone(frame);
  const parent = path.slice(0, -1).reduce<JsonObject>((node, name) => node[name] as JsonObject, copy);
  const last = path.at(-1) as string;
  switch (random.below(4)) {
    case 0:
      delete parent[last];
      break;
    case 1:
      parent[random.pick(["admin", "constructor", "ping", "toString", "recover", "presence"])] = random.pick(odd);
      break;
    default:
      parent[last] = random.pick(odd);
  }
  return copy;
}

function pathsOf(value: JsonObject, path: readonly string[] = []): (readonly string[])[] {
  return Object.entries(value).flatMap(([name, inner]) => [
    [...path, name],
    ...(typeof inner === "object" && inner !== null && !Array.isArray(inner) ? pathsOf(inner, [...path, name]) : []),
  ]);
}

/** How long a server may take to end a connection whose client has ended it. */
const endTimeoutMs = 30_000;

/** Bytes that are no frames of RFC 6455, or not in an order that it has. */
function brokenFrames(address: string, world: World, random: Random): Promise<string | undefined> {
  const { hostname, port } = new URL(address);
  const upgrade =
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: weft.v1\r\n` +
    `Authorization: Bearer ${world.owner.accessToken}\r\n\r\n`;
  const frames = Array.from({ length: 1 + random.below(4) }, () => brokenFrame(random));
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    const done = (fault?: string): void => {
      socket.destroy();
      resolve(fault && `${fault}\n  ${frames.map((frame) => frame.subarray(0, 60).toString("hex")).join("\n  ")}`);
    };
    socket.setTimeout(endTimeoutMs, () => done("not ended after the client has ended it"));
    socket.on("close", () => done());
    socket.on("error", () => done());
    socket.write(upgrade);
    socket.once("data", () => {
      socket.write(Buffer.concat(frames));
      socket.end();
    });
    socket.resume();
  });
}

function brokenFrame(random: Random): Buffer {
  const text = Buffer.from(random.pick(['{"id":1,"ping":{}}', "\u00e9", ""]));
  const mask = Buffer.from([1, 2, 3, 4]);
  const masked = Buffer.from(text.map((byte, at) => byte ^ (mask[at % 4] as number)));
  const flags = random.pick([0x81, 0x01, 0x80, 0x00, 0x83, 0x8b, 0xf1, 0x91, 0x88, 0x89, 0x09, 0x8a, 0x82]);
  const length = random.pick([text.length, 125, 0]);
  switch (random.below(6)) {
    case 0:
      return Buffer.concat([Buffer.from([flags, text.length]), text]);
    case 1:
      return Buffer.concat([Buffer.from([flags, 0x80 | length]), mask, masked]);
    case 2:
      return Buffer.concat([Buffer.from([flags, 0xff]), Buffer.alloc(8, random.pick([0, 0x7f, 0xff])), mask, masked]);
    case 3:
      return Buffer.concat([Buffer.from([flags, 0xfe]), random.bytes(2), mask, masked]);
    case 4:
      // Text that is no UTF-8.
      return Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc0, 0xae]);
    default:
      return random.bytes(random.below(60));
  }
}
