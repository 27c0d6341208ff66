import type { WebSocket as UwsWebSocket } from "uWebSockets.js";
import type { WebSocketConnection, WebSocketListener } from "./http-server.ts";

/*
 * An open WebSocket of uWebSockets.js, whose own object must not be touched once it is closed.
 *
 * Frames wait for the end of the turn in which they are sent: what Redis brought in one piece, often many messages, then
 * goes to each client in one system call. That call is nine tenths of what a delivery costs by itself (measured, with the
 * kernel's half of the receiver); a frame that is alone in its turn waits for no longer than it takes to give the others out.
 */

/** Filled by the server within the upgrade. */
export interface Opening {
  socket: UwsWebSocket<SocketData> | undefined;
}

/** What the server keeps of each WebSocket for us. */
export interface SocketData {
  readonly opening: Opening;
  connection?: UwsConnection;
  listener?: WebSocketListener;
}

/** What waits is handed over before the end of the turn when it is this much: the reader's side may have room for it. */
const flushAtBytes = 64 * 1024;

/** Connections with something to send, until the end of the turn. */
export class SendingTurn {
  #connections: UwsConnection[] = [];
  readonly #end = (): void => {
    const connections = this.#connections;
    this.#connections = [];
    for (const connection of connections) {
      connection.flush();
    }
  };

  add(connection: UwsConnection): void {
    if (this.#connections.length === 0) {
      queueMicrotask(this.#end);
    }
    this.#connections.push(connection);
  }
}

export class UwsConnection implements WebSocketConnection {
  /** Set once it is closed, which may be while it is being opened. */
  closeCode: number | undefined;
  #ws: UwsWebSocket<SocketData> | undefined;
  readonly #turn: SendingTurn;
  /** The first frame of the turn; most turns have one. */
  #frame: string | Uint8Array | undefined;
  #isBinary = false;
  /** Those behind it: a frame, whether it is binary, the next frame, … */
  #more: (string | Uint8Array | boolean)[] | undefined;
  /** Of the frames that wait. */
  #waitingBytes = 0;
  /** What the server had when the first of them came. */
  #heldBytes = 0;

  constructor(ws: UwsWebSocket<SocketData>, turn: SendingTurn) {
    this.#ws = ws;
    this.#turn = turn;
  }

  get bufferedBytes(): number {
    return this.#frame === undefined ? (this.#ws?.getBufferedAmount() ?? 0) : this.#heldBytes + this.#waitingBytes;
  }

  send(frame: string | Uint8Array, form: "text" | "binary" = "text"): void {
    if (this.#ws === undefined) {
      return;
    }
    if (this.#frame === undefined) {
      this.#heldBytes = this.#ws.getBufferedAmount();
      this.#waitingBytes = 0;
      this.#frame = frame;
      this.#isBinary = form === "binary";
      this.#turn.add(this);
    } else {
      this.#more ??= [];
      this.#more.push(frame, form === "binary");
    }
    this.#waitingBytes += typeof frame === "string" ? Buffer.byteLength(frame) : frame.byteLength;
    if (this.#waitingBytes >= flushAtBytes) {
      this.flush();
    }
  }

  close(code: number, reason: string): void {
    this.flush();
    this.#ws?.end(code, reason.slice(0, 123));
  }

  closed(code: number): void {
    this.#ws = undefined;
    this.#frame = undefined;
    this.#more = undefined;
    this.closeCode = code;
  }

  /** Hands all that waits to the server. Repeating it does nothing. */
  flush(): void {
    const frame = this.#frame;
    if (this.#ws === undefined || frame === undefined) {
      return;
    }
    if (this.#more === undefined) {
      this.#frame = undefined;
      this.#ws.send(frame, this.#isBinary);
    } else {
      flushing = this;
      this.#ws.cork(sendCorked);
    }
  }

  /** Within a cork of the server, which makes one system call of it. */
  sendAll(): void {
    const ws = this.#ws;
    const frame = this.#frame;
    const more = this.#more;
    this.#frame = undefined;
    this.#more = undefined;
    if (ws === undefined || frame === undefined) {
      return;
    }
    ws.send(frame, this.#isBinary);
    for (let at = 0; more !== undefined && at < more.length; at += 2) {
      ws.send(more[at] as string | Uint8Array, more[at + 1] as boolean);
    }
  }
}

/** A closure for each cork would be as many objects as there are connections. */
let flushing: UwsConnection | undefined;
const sendCorked = (): void => flushing?.sendAll();
