import { fromBinary, fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema, ServerFrameSchema } from "@weft/proto/weft/realtime/v1/realtime_pb.ts";
import { type RawData, WebSocket } from "ws";
import { leakIn } from "./judge.ts";
import { sampleMessage } from "./mutate-message.ts";
import { mutateBytes } from "./mutate-text.ts";
import type { Random } from "./random.ts";
import { anyChannel, closeCodes, errorCodes } from "./socket-rules.ts";
import type { World } from "./world.ts";

/*
 * The same protocol in its other form, protobuf: commands made up from the descriptor, bytes that are nearly such commands,
 * and text, which has no place there. Judged as in JSON: what comes back is a frame, and a last ping is answered or the
 * connection ends for a documented reason.
 */

const lastPing = 987_654_321n;

/** What is wrong with how one connection was served; undefined when nothing is. */
export function protobufCommands(address: string, world: World, random: Random): Promise<string | undefined> {
  const sent: (Buffer | string)[] = Array.from({ length: 1 + random.below(12) }, () => anyMessage(world, random));
  const ping = toBinary(ClientFrameSchema, fromJson(ClientFrameSchema, { id: String(lastPing), ping: {} }));
  const socket = new WebSocket(`${address.replace(/^http/, "ws")}/ws`, "weft.v1.proto", {
    headers: random.chance(0.7) ? { authorization: `Bearer ${world.owner.accessToken}` } : {},
  });
  return new Promise((resolve) => {
    let fault: string | undefined;
    const done = (found?: string): void => {
      socket.terminate();
      const first = fault ?? found;
      const story = sent.map((message) =>
        (typeof message === "string" ? message : message.toString("hex")).slice(0, 200),
      );
      resolve(first && `in protobuf, ${first}\n  ${story.join("\n  ")}`);
    };
    socket.on("open", () => {
      for (const message of [...sent, ping]) {
        socket.send(message);
      }
    });
    socket.on("message", (data, isBinary) => {
      const answer = isBinary ? answerOf(data) : { fault: `sent text: ${String(data).slice(0, 200)}` };
      fault ??= answer.fault;
      if (answer.isLast === true) {
        done();
      }
    });
    socket.on("close", (code, reason) =>
      done(closeCodes.has(code) ? leakIn(String(reason)) : `closed with ${code} ${String(reason)}`),
    );
    socket.on("error", (error) => done(`failed: ${error.message}`));
  });
}

function answerOf(data: RawData): { readonly fault?: string; readonly isLast?: boolean } {
  const bytes = data as Buffer;
  try {
    const { id, frame } = fromBinary(ServerFrameSchema, bytes);
    if (frame.case === undefined) {
      return { fault: `sent an empty frame: ${bytes.toString("hex").slice(0, 200)}` };
    }
    if (frame.case === "error") {
      const { code, message } = frame.value;
      const leak = leakIn(message);
      const fault = errorCodes.test(code) && message !== "" ? leak : `answered with ${code}: ${message}`;
      return fault === undefined ? {} : { fault };
    }
    return { isLast: frame.case === "pong" && id === lastPing };
  } catch (error) {
    return { fault: `sent what is no frame: ${bytes.toString("hex").slice(0, 200)} (${String(error)})` };
  }
}

function anyMessage(world: World, random: Random): Buffer | string {
  if (random.chance(0.02)) {
    return '{"id":1,"ping":{}}';
  }
  const bytes = commandOf(world, random);
  return random.chance(0.5) ? bytes : mutateBytes(bytes, random).body;
}

function commandOf(world: World, random: Random): Buffer {
  const sample = { ...sampleMessage(ClientFrameSchema, random), id: String(random.below(1000)) } as JsonObject;
  for (const command of Object.values(sample)) {
    if (typeof command === "object" && command !== null && "channel" in command && random.chance(0.7)) {
      (command as JsonObject).channel = anyChannel(world, random);
    }
  }
  try {
    return Buffer.from(toBinary(ClientFrameSchema, fromJson(ClientFrameSchema, sample)));
  } catch {
    // Made-up texts that are no UTF-8, or numbers beyond their type.
    return random.bytes(random.below(100));
  }
}
