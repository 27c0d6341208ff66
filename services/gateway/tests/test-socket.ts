import { WebSocket } from "ws";
import { clientFrameBytes, jsonOfServerFrame } from "./protobuf-frames.ts";

export interface SocketOptions {
  readonly token?: string | undefined;
  readonly origin?: string | undefined;
  /** "weft.v1" unless given; undefined for none. */
  readonly protocol?: string | readonly string[] | undefined;
  /** Behind "?"; none unless given. */
  readonly query?: string;
}

/** A WebSocket client whose frames are taken one by one; they are given and taken as JSON in whichever form they travel. */
export interface TestSocket {
  readonly protocol: string;
  send(frame: object): void;
  sendText(text: string): void;
  sendBinary(bytes: Buffer): void;
  /** The next frame: what it says as JSON, or its payload's bytes when that is binary. Rejects when the connection ends before one comes. */
  next(): Promise<unknown>;
  closed(): Promise<{ code: number; reason: string }>;
  /** Stops taking data off the socket. */
  pause(): void;
  resume(): void;
  destroy(): void;
}

/** Resolves when the connection is open. */
export async function openSocket(port: number, options: SocketOptions = {}): Promise<TestSocket> {
  const socket = start(port, options);
  const inProtobuf = () => socket.protocol === "weft.v1.proto";
  const frames: unknown[] = [];
  const waiting: PromiseWithResolvers<unknown>[] = [];
  const closing = Promise.withResolvers<{ code: number; reason: string }>();
  socket.on("message", (data, isBinary) => {
    const frame: unknown = inProtobuf()
      ? jsonOfServerFrame(data as Buffer)
      : isBinary
        ? data
        : JSON.parse(String(data));
    const reader = waiting.shift();
    if (reader === undefined) {
      frames.push(frame);
    } else {
      reader.resolve(frame);
    }
  });
  socket.on("close", (code, reason) => {
    closing.resolve({ code, reason: String(reason) });
    for (const reader of waiting.splice(0)) {
      reader.reject(new Error(`closed with ${code} ${reason} before a frame came`));
    }
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => undefined);
  return {
    protocol: socket.protocol,
    send: (frame) =>
      inProtobuf() ? socket.send(clientFrameBytes({ ...frame }), { binary: true }) : socket.send(JSON.stringify(frame)),
    sendText: (text) => socket.send(text),
    sendBinary: (bytes) => socket.send(bytes, { binary: true }),
    next: () => {
      if (frames.length > 0) {
        return Promise.resolve(frames.shift());
      }
      const reader = Promise.withResolvers<unknown>();
      waiting.push(reader);
      return reader.promise;
    },
    closed: () => closing.promise,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    destroy: () => socket.terminate(),
  };
}

/** The answer to an upgrade that the gateway refuses. */
export function refusedUpgrade(
  port: number,
  options: SocketOptions,
): Promise<{ status: number; headers: Record<string, unknown>; body: unknown }> {
  return new Promise((resolve, reject) => {
    const socket = start(port, options);
    socket.once("open", () => {
      socket.terminate();
      reject(new Error("the upgrade was accepted"));
    });
    socket.once("unexpected-response", (_request, response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) });
      });
    });
    socket.on("error", reject);
  });
}

function start(port: number, options: SocketOptions): WebSocket {
  const { token, origin, query } = options;
  const protocol = "protocol" in options ? options.protocol : "weft.v1";
  const url = `ws://127.0.0.1:${port}/ws${query === undefined ? "" : `?${query}`}`;
  return new WebSocket(url, protocol === undefined ? [] : [protocol].flat(), {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(origin === undefined ? {} : { origin }),
  });
}
