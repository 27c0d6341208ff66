import { connect, type Socket } from "node:net";
import { leakIn } from "./judge.ts";
import type { Random } from "./random.ts";
import { closeCodes } from "./socket-rules.ts";
import type { World } from "./world.ts";

/*
 * Below the commands: frames of RFC 6455 as no library sends them, on raw sockets and in both subprotocols. A *lawful* case is
 * one that a server has to bear (messages in many pieces, empty ones among them, with control frames in between, and all of it
 * cut into any packets): each ping, of the protocol and of the WebSocket, has to be answered. What is *broken* has to end
 * the connection. Whatever the server sends in either case has to be frames itself, and a close has a documented code.
 */

interface FuzzCase {
  readonly subprotocol: "weft.v1" | "weft.v1.proto";
  readonly frames: readonly Buffer[];
  /** How many answers to pings of the WebSocket, and to those of the protocol, have to come; undefined for a broken case. */
  readonly answers: { readonly pongs: number; readonly messages: number } | undefined;
}

const opcodes = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;
const final = 0x80;
const upgradeEnd = "\r\n\r\n";
/** Catches a server that neither answers nor ends a connection. */
const endTimeoutMs = 30_000;

/** What is wrong with how one connection was served; undefined when nothing is. */
export function rawFrames(address: string, world: World, random: Random): Promise<string | undefined> {
  const fuzzed = random.chance(0.5) ? lawfulCase(random) : brokenCase(random);
  return new Promise((resolve) => {
    const { hostname, port } = new URL(address);
    const socket = connect(Number(port), hostname);
    const reader = new ServerFrames();
    let isOpen = false;
    const done = (fault?: string): void => {
      socket.destroy();
      const story = fuzzed.frames.map((frame) => frame.subarray(0, 60).toString("hex"));
      resolve(
        fault &&
          `${fuzzed.answers === undefined ? "broken" : "lawful"} frames in ${fuzzed.subprotocol}: ${fault}\n  ${story.join("\n  ")}`,
      );
    };
    const judge = (): void => {
      const { answers } = fuzzed;
      if (reader.fault !== undefined) {
        done(reader.fault);
      } else if (answers !== undefined && reader.pongs >= answers.pongs && reader.messages >= answers.messages) {
        done();
      }
    };
    socket.setTimeout(endTimeoutMs, () =>
      done(`neither answered nor ended: ${reader.pongs} pongs, ${reader.messages} messages`),
    );
    socket.on("error", () => undefined);
    socket.on("close", () =>
      done(fuzzed.answers === undefined ? reader.fault : "ended, though nothing was wrong with it"),
    );
    socket.on("data", (chunk) => {
      reader.push(chunk);
      if (!isOpen && reader.isUpgraded) {
        isOpen = true;
        void sendInPieces(socket, Buffer.concat(fuzzed.frames), random).then(() => {
          // Who has sent what is broken has nothing more to say; the server may still wait for the rest of a frame.
          if (fuzzed.answers === undefined) {
            socket.end();
          }
        });
      }
      judge();
    });
    socket.write(upgradeRequest(fuzzed.subprotocol, world));
  });
}

function upgradeRequest(subprotocol: string, { owner }: World): string {
  return [
    "GET /ws HTTP/1.1",
    "Host: a",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    `Sec-WebSocket-Protocol: ${subprotocol}`,
    `Authorization: Bearer ${owner.accessToken}${upgradeEnd}`,
  ].join("\r\n");
}

async function sendInPieces(socket: Socket, bytes: Buffer, random: Random): Promise<void> {
  const pieces = random.below(6);
  let at = 0;
  for (let piece = 0; piece < pieces && at < bytes.length && !socket.destroyed; piece += 1) {
    const end = at + 1 + random.below(bytes.length - at);
    socket.write(bytes.subarray(at, end));
    at = end;
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (at < bytes.length && !socket.destroyed) {
    socket.write(bytes.subarray(at));
  }
}

/** `flags` is the first byte; lengths are written in as few bytes as they take. */
function frame(flags: number, payload: Buffer, mask: Buffer): Buffer {
  const { length } = payload;
  const head =
    length < 126 ? Buffer.from([flags, 0x80 | length]) : Buffer.from([flags, 0x80 | 126, length >> 8, length & 0xff]);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ (mask[at % 4] as number))]);
}

const pings = {
  "weft.v1": { flags: opcodes.text, payload: Buffer.from('{"id":1,"ping":{}}') },
  // ClientFrame { id: 1, ping: {} }
  "weft.v1.proto": { flags: opcodes.binary, payload: Buffer.from([0x08, 0x01, 0x3a, 0x00]) },
} as const;

function lawfulCase(random: Random): FuzzCase {
  const subprotocol = random.pick(["weft.v1", "weft.v1.proto"] as const);
  const { flags, payload } = pings[subprotocol];
  const mask = () => random.bytes(4);
  const frames: Buffer[] = [];
  const answers = { pongs: 0, messages: 1 + random.below(4) };
  const interject = (): void => {
    if (random.chance(0.4)) {
      const isPing = random.chance(0.7);
      answers.pongs += isPing ? 1 : 0;
      frames.push(frame(final | (isPing ? opcodes.ping : opcodes.pong), random.bytes(random.below(126)), mask()));
    }
  };
  for (let message = 0; message < answers.messages; message += 1) {
    const cuts = Array.from({ length: random.below(5) }, () => random.below(payload.length + 1)).sort((a, b) => a - b);
    const ends = [...cuts, payload.length];
    ends.forEach((end, at) => {
      const isLast = at === ends.length - 1;
      const piece = payload.subarray(ends[at - 1] ?? 0, end);
      frames.push(frame((isLast ? final : 0) | (at === 0 ? flags : opcodes.continuation), piece, mask()));
      interject();
    });
  }
  return { subprotocol, frames, answers };
}

function brokenCase(random: Random): FuzzCase {
  const subprotocol = random.pick(["weft.v1", "weft.v1.proto"] as const);
  const before = random.chance(0.3) ? lawfulCase(random).frames.slice(0, 1 + random.below(4)) : [];
  const count = 1 + random.below(4);
  return {
    subprotocol,
    frames: [...before, ...Array.from({ length: count }, () => brokenFrame(subprotocol, random))],
    answers: undefined,
  };
}

function brokenFrame(subprotocol: FuzzCase["subprotocol"], random: Random): Buffer {
  const { flags, payload } = pings[subprotocol];
  const mask = random.bytes(4);
  switch (random.below(12)) {
    case 0:
      return Buffer.concat([Buffer.from([final | flags, payload.length]), payload]);
    case 1:
      return frame(final | opcodes.continuation, payload, mask);
    case 2:
      return Buffer.concat([frame(flags, payload, mask), frame(final | flags, payload, mask)]);
    case 3:
      return frame(opcodes.ping, payload, mask);
    case 4:
      return frame(
        final | random.pick([opcodes.ping, opcodes.close, opcodes.pong]),
        random.bytes(126 + random.below(200)),
        mask,
      );
    case 5:
      return frame(final | random.pick([0x3, 0x7, 0xb, 0xf]), payload, mask);
    case 6:
      return frame(final | random.pick([0x10, 0x20, 0x40, 0x70]) | flags, payload, mask);
    case 7:
      // A length that no message may have, in eight bytes, the first bit set or not.
      return Buffer.concat([
        Buffer.from([final | flags, 0xff, random.pick([0x00, 0x7f, 0x80, 0xff])]),
        random.bytes(7),
        mask,
      ]);
    case 8:
      // Longer than any command, and there in part.
      return Buffer.concat([Buffer.from([final | flags, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0]), mask, random.bytes(5000)]);
    case 9:
      return frame(
        final | opcodes.text,
        Buffer.from(random.pick(["c0ae", "eda080", "f4908080", "ff", "e28c"]), "hex"),
        mask,
      );
    case 10:
      return frame(
        final | opcodes.close,
        random.pick([Buffer.from([3]), Buffer.from([0, 5]), Buffer.from([3, 237, 0xff]), Buffer.from([0xff, 0xff])]),
        mask,
      );
    default:
      return random.bytes(1 + random.below(200));
  }
}

/** Reads what a server sends after the answer to the upgrade. */
class ServerFrames {
  isUpgraded = false;
  pongs = 0;
  messages = 0;
  fault: string | undefined;
  #bytes = Buffer.alloc(0);

  push(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    if (!this.isUpgraded) {
      const end = this.#bytes.indexOf(upgradeEnd);
      if (end === -1) {
        return;
      }
      const head = this.#bytes.toString("latin1", 0, end);
      this.isUpgraded = true;
      this.fault = head.startsWith("HTTP/1.1 101 ") ? undefined : `refused: ${head.slice(0, 200)}`;
      this.#bytes = this.#bytes.subarray(end + upgradeEnd.length);
    }
    while (this.fault === undefined && this.#read()) {
      // Until a frame is not whole yet.
    }
  }

  #read(): boolean {
    const [flags = 0, first = 0] = this.#bytes;
    const lengthBytes = first === 127 ? 8 : first === 126 ? 2 : 0;
    if (this.#bytes.length < 2 + lengthBytes) {
      return false;
    }
    const length =
      lengthBytes === 0
        ? first
        : lengthBytes === 2
          ? this.#bytes.readUInt16BE(2)
          : Number(this.#bytes.readBigUInt64BE(2));
    const end = 2 + lengthBytes + length;
    if (this.#bytes.length < end) {
      return false;
    }
    this.#judge(flags, this.#bytes.subarray(2 + lengthBytes, end), first >= 0x80);
    this.#bytes = this.#bytes.subarray(end);
    return true;
  }

  #judge(flags: number, payload: Buffer, isMasked: boolean): void {
    const opcode = flags & 0x0f;
    if (isMasked || (flags & 0xf0) !== final) {
      this.fault = `sent a frame that starts with ${flags.toString(16)}`;
    } else if (opcode === opcodes.pong) {
      this.pongs += 1;
    } else if (opcode === opcodes.text || opcode === opcodes.binary) {
      this.messages += 1;
      this.fault = leakIn(payload.toString("latin1"));
    } else if (opcode === opcodes.close) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
      // A close of the client is answered with its own code.
      this.fault = closeCodes.has(code) ? leakIn(payload.toString("latin1", 2)) : `closed with ${code}`;
    } else if (opcode !== opcodes.ping) {
      this.fault = `sent a frame of kind ${opcode}`;
    }
  }
}
