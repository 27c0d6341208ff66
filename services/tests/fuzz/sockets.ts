import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type RawData, WebSocket } from "ws";
import { hostileTexts } from "./hostile-texts.ts";
import { leakIn } from "./judge.ts";
import { mutateJson } from "./mutate-text.ts";
import { protobufCommands } from "./protobuf-sockets.ts";
import { Random } from "./random.ts";
import { rawFrames } from "./socket-frames.ts";
import { anyChannel, closeCodes, errorCodes } from "./socket-rules.ts";
import type { World } from "./world.ts";

/*
 * WebSocket connections of one seed each: commands that are right, nearly right or nothing at all, in any order and without
 * waiting for answers; and below that, frames that break the protocol itself. Whatever is sent, every answer has a documented
 * form, and either a last ping is answered or the connection ends with a documented code.
 */

const serverFrames: ReadonlySet<string> = new Set([
  ...["id", "connected", "refreshed", "subscribed", "unsubscribed", "published"],
  ...["pong", "presence", "error", "push", "notice"],
]);
const lastPing = 987_654_321;

/** What is wrong with how one connection was served; undefined when nothing is. */
export async function fuzzSocket(
  address: string,
  world: World,
  seed: number,
  index: number,
): Promise<string | undefined> {
  const random = new Random(seed, index);
  const roll = random.next();
  const kind = roll < 0.25 ? rawFrames : roll < 0.5 ? protobufCommands : commands;
  const fault = await kind(address, world, random);
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

function goodFrame(world: World, random: Random): JsonObject {
  const { owner } = world;
  const id = random.below(1000);
  const channel = anyChannel(world, random);
  const simulated = channel.startsWith("simulation:");
  switch (random.below(9)) {
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
      return { id, publish: { channel, data: { cursor: [1, 2] }, ...(random.chance(0.5) ? { key: "cursor" } : {}) } };
    case 6:
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
