import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Answer, CallSchema, Settings } from "@weft/proto/weft/lane/v1/lane_pb.ts";
import { type OpenRequest, OpenRequestSchema, OpenResponseSchema } from "@weft/proto/weft/lane/v1/lane_service_pb.ts";
import { GetUserByIdRequestSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { until } from "../src/testing/until.ts";

/*
 * Both ends of a lane as somebody else would write them: node:http2 and the generated code of the published schema, none of
 * ours. What they send may be wrong in any way that a test thinks of.
 */

export const lanePath = "/weft.lane.v1.LaneService/Open";
const getUserById = "weft.user.v1.UserService/GetUserById";

/** Flags and length in front of a message. */
export function framed(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Cuts bytes into gRPC messages, in the plainest way. */
class Deframer {
  #bytes = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const messages: Buffer[] = [];
    while (this.#bytes.length >= 5 && this.#bytes.length >= 5 + this.#bytes.readUInt32BE(1)) {
      const end = 5 + this.#bytes.readUInt32BE(1);
      messages.push(this.#bytes.subarray(5, end));
      this.#bytes = this.#bytes.subarray(end);
    }
    return messages;
  }
}

/** The bytes of a call of GetUserById. */
export function userCall(callId: number, userId: string, more: MessageInitShape<typeof CallSchema> = {}) {
  return {
    callId,
    methodId: 1,
    method: getUserById,
    message: toBinary(GetUserByIdRequestSchema, create(GetUserByIdRequestSchema, { userId })),
    ...more,
  };
}

/** A client's end. */
export class RawLane {
  readonly session: ClientHttp2Session;
  readonly stream: ClientHttp2Stream;
  readonly answers: Answer[] = [];
  settings: Settings | undefined;
  draining = false;
  goaway = false;
  /** grpc-status, once the server has ended the lane. */
  status: number | undefined;
  statusMessage = "";
  closed = false;

  constructor(port: number) {
    this.session = connect(`http://127.0.0.1:${port}`);
    this.session.on("error", () => undefined);
    this.session.on("goaway", () => (this.goaway = true));
    this.stream = this.session.request(
      { ":method": "POST", ":path": lanePath, "content-type": "application/grpc", te: "trailers" },
      { endStream: false },
    );
    const deframer = new Deframer();
    this.stream.on("error", () => undefined);
    this.stream.on("close", () => (this.closed = true));
    this.stream.on("trailers", (trailers) => {
      this.status = Number(trailers["grpc-status"]);
      this.statusMessage = decodeURIComponent(String(trailers["grpc-message"] ?? ""));
    });
    this.stream.on("data", (chunk: Buffer) => {
      for (const bytes of deframer.push(chunk)) {
        const batch = fromBinary(OpenResponseSchema, bytes);
        this.settings ??= batch.settings;
        this.draining ||= batch.draining;
        this.answers.push(...batch.answers);
      }
    });
  }

  write(bytes: Uint8Array): void {
    this.stream.write(bytes);
  }

  send(batch: MessageInitShape<typeof OpenRequestSchema>): void {
    this.write(framed(toBinary(OpenRequestSchema, create(OpenRequestSchema, batch))));
  }

  /** The answer to a call, when it has come. */
  answer(callId: number): Promise<Answer> {
    return until(`call ${callId} is answered`, () => this.answers.find((answer) => answer.callId === callId));
  }

  destroy(): void {
    this.session.destroy();
  }
}

/** A server's end. */
export class FakeLane {
  readonly stream: ServerHttp2Stream;
  /** Every call that has come, in order. */
  readonly calls: OpenRequest["calls"] = [];
  readonly canceled: number[] = [];
  batches = 0;
  ended = false;
  #trailers: Record<string, string> = { "grpc-status": "0" };

  constructor(stream: ServerHttp2Stream) {
    this.stream = stream;
    const deframer = new Deframer();
    stream.on("error", () => undefined);
    stream.on("wantTrailers", () => stream.sendTrailers(this.#trailers));
    stream.on("end", () => (this.ended = true));
    stream.on("data", (chunk: Buffer) => {
      for (const bytes of deframer.push(chunk)) {
        const batch = fromBinary(OpenRequestSchema, bytes);
        this.batches += 1;
        this.calls.push(...batch.calls);
        this.canceled.push(...batch.canceledCallIds);
      }
    });
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
  }

  send(batch: MessageInitShape<typeof OpenResponseSchema>): void {
    this.stream.write(framed(toBinary(OpenResponseSchema, create(OpenResponseSchema, batch))));
  }

  settings(maxInFlight = 4096, maxMessageBytes = 65_536): void {
    this.send({ settings: { maxInFlight, maxMessageBytes } });
  }

  /** The call with this number in the order of their coming. */
  call(index: number): Promise<OpenRequest["calls"][number]> {
    return until(`call ${index} has come`, () => this.calls[index]);
  }

  end(trailers: Record<string, string> = { "grpc-status": "0" }): void {
    this.#trailers = trailers;
    this.stream.end();
  }
}

export interface FakePeer {
  readonly port: number;
  readonly server: Http2Server;
  readonly sessions: ServerHttp2Session[];
  readonly lanes: FakeLane[];
  destroy(): void;
}

export interface FakePeerOptions {
  /** What a new lane does; it says its settings when absent. */
  readonly onLane?: (lane: FakeLane) => void;
  /** Takes a stream; true when it did. */
  readonly onStream?: (stream: ServerHttp2Stream, path: string) => boolean;
}

/** A server that takes lanes and leaves everything else to the test. */
export async function startFakePeer({ onLane, onStream }: FakePeerOptions = {}): Promise<FakePeer> {
  const server = createServer();
  const sessions: ServerHttp2Session[] = [];
  const lanes: FakeLane[] = [];
  server.on("session", (session) => {
    session.on("error", () => undefined);
    sessions.push(session);
  });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    const path = headers[":path"] as string;
    if (onStream?.(stream, path) !== true && path === lanePath) {
      const lane = new FakeLane(stream);
      lanes.push(lane);
      (onLane ?? ((opened) => opened.settings()))(lane);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    server,
    sessions,
    lanes,
    destroy: () => {
      for (const session of sessions) {
        session.destroy();
      }
      server.close();
    },
  };
}
