import { setTimeout as pause } from "node:timers/promises";
import type { ChannelPosition } from "@weft/mesh";
import type { ReaderEvent } from "@weft/mesh/testing";
import { openSocket, type TestSocket } from "./test-socket.ts";

/*
 * A client of a recoverable channel that does what the protocol asks of it (src/ws/README.md), for as long as it lives, and
 * records everything that happens to it. The connection may break at any time: it comes back, wherever `port` says.
 */

export interface RecordingReaderOptions {
  readonly channel: string;
  readonly token: string;
  /** Of the gateway to connect to now. */
  readonly port: () => number;
  /** What the state contains now. */
  readonly load: () => Promise<readonly string[]>;
  /** False for a client that knows nothing of positions. Default true. */
  readonly recovers?: boolean;
}

interface Answer {
  readonly subscribed?: ChannelPosition & {
    readonly recovered?: boolean;
    readonly publications?: readonly { readonly offset: number; readonly data: string }[];
  };
  readonly error?: { readonly code: string };
  readonly push?: { readonly data: string; readonly offset: number };
  readonly notice?: { readonly code: string; readonly reason?: string } & Partial<ChannelPosition>;
}

export class RecordingReader {
  readonly events: ReaderEvent[] = [];
  readonly #options: RecordingReaderOptions;
  #position: ChannelPosition | undefined;
  #socket: TestSocket | undefined;
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(options: RecordingReaderOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** How far it has come. */
  get position(): ChannelPosition | undefined {
    return this.#position;
  }

  /** How often something has happened to it. */
  count(kind: ReaderEvent["kind"]): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#socket?.destroy();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      try {
        this.#socket = await openSocket(this.#options.port(), { token: this.#options.token });
        await this.#read(this.#socket);
      } catch {
        if (!this.#stopped) {
          this.events.push({ kind: "disconnected" });
          await pause(5);
        }
      } finally {
        this.#socket?.destroy();
      }
    }
  }

  /** Rejects when the connection ends. */
  async #read(socket: TestSocket): Promise<void> {
    const { channel, recovers = true } = this.#options;
    let asked: ChannelPosition | undefined;
    const subscribe = () => {
      asked = this.#position;
      socket.send({ id: 1, subscribe: { channel, ...(recovers ? { recover: asked ?? null } : {}) } });
    };
    subscribe();
    while (!this.#stopped) {
      const { subscribed, error, push, notice } = (await socket.next()) as Answer;
      if (subscribed !== undefined) {
        await this.#begin(subscribed, asked);
      } else if (error !== undefined) {
        await pause(5);
        subscribe();
      } else if (push !== undefined) {
        this.#position = { epoch: this.#position?.epoch ?? "", offset: push.offset };
        this.events.push({ kind: "pushed", publication: { offset: push.offset, payload: push.data } });
      } else if (notice?.code === "subscription_ended") {
        this.events.push({ kind: "told of a loss" });
        subscribe();
      } else if (notice?.code === "gap") {
        this.#position = { epoch: String(notice.epoch), offset: Number(notice.offset) };
        this.events.push({ kind: "told of a loss", position: this.#position });
        await this.#load();
      }
    }
  }

  async #begin(
    { epoch, offset, recovered, publications = [] }: NonNullable<Answer["subscribed"]>,
    asked: ChannelPosition | undefined,
  ): Promise<void> {
    const missed = publications.map(({ offset: at, data }) => ({ offset: at, payload: data }));
    const position = { epoch, offset };
    this.#position = position;
    const recoveredFrom = recovered === true && asked !== undefined ? { recoveredFrom: asked } : {};
    this.events.push({ kind: "subscribed", position, ...recoveredFrom, publications: missed });
    if (recovered !== true) {
      await this.#load();
    }
  }

  async #load(): Promise<void> {
    this.events.push({ kind: "loaded", payloads: await this.#options.load() });
  }
}
