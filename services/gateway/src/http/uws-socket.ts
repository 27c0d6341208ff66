import type { WebSocket as UwsWebSocket } from "uWebSockets.js";
import type { UpgradeDecision, WebSocketConnection, WebSocketListener } from "./http-server.ts";

/** What the server keeps of each WebSocket for us. */
export interface SocketData {
  readonly decision: Extract<UpgradeDecision, { accept: true }>;
  connection?: UwsConnection;
  listener?: WebSocketListener;
}

/** An open WebSocket of uWebSockets.js, whose own object must not be touched once it is closed. */
export class UwsConnection implements WebSocketConnection {
  /** Set once it is closed, which may be while it is being opened. */
  closeCode: number | undefined;
  #ws: UwsWebSocket<SocketData> | undefined;

  constructor(ws: UwsWebSocket<SocketData>) {
    this.#ws = ws;
  }

  get bufferedBytes(): number {
    return this.#ws?.getBufferedAmount() ?? 0;
  }

  send(frame: string | Uint8Array, form: "text" | "binary" = "text"): void {
    this.#ws?.send(frame, form === "binary");
  }

  close(code: number, reason: string): void {
    this.#ws?.end(code, reason.slice(0, 123));
  }

  closed(code: number): void {
    this.#ws = undefined;
    this.closeCode = code;
  }
}
