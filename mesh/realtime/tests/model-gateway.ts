/*
 * A server of weft.v1 in a few lines, over any wire: what a client can rely on, and, by script, what may happen to it. It
 * keeps a bounded log per channel, as the real one does; channels named `project:` are recoverable.
 */

export interface Wire {
  send(text: string): void;
  close(code: number, reason: string): void;
}

interface ChannelState {
  epoch: string;
  offset: number;
  log: { readonly offset: number; readonly data: unknown }[];
}

interface Frame {
  readonly id: number;
  readonly connect?: { readonly token: string };
  readonly refresh?: { readonly token: string };
  readonly subscribe?: { readonly channel: string; readonly recover?: { epoch: string; offset: number } };
  readonly unsubscribe?: { readonly channel: string };
  readonly ping?: object;
}

export class ModelGateway {
  /** Publications that a channel remembers. */
  historySize = 256;
  framesPerSecond = 50;
  readonly connections = new Set<ModelConnection>();
  /** Every frame that came, by command. */
  readonly received: { readonly command: string; readonly body: unknown }[] = [];
  /** Tokens that are taken. */
  isValid: (token: string) => boolean = () => true;
  /** The answer to a subscribe that is refused. */
  refuse: (channel: string) => { code: string; message: string; reason?: string } | undefined = () => undefined;
  /** Commands that are never answered. */
  ignores: (command: string) => boolean = () => false;
  readonly #channels = new Map<string, ChannelState>();
  #epochs = 0;

  channel(name: string): ChannelState {
    const state = this.#channels.get(name) ?? { epoch: this.#newEpoch(), offset: 0, log: [] };
    this.#channels.set(name, state);
    return state;
  }

  publish(name: string, data: unknown): { readonly epoch: string; readonly offset: number } {
    const state = this.channel(name);
    state.offset += 1;
    state.log.push({ offset: state.offset, data });
    state.log.splice(0, Math.max(0, state.log.length - this.historySize));
    for (const connection of this.connections) {
      connection.push(name, { data, ...(name.startsWith("project:") ? { offset: state.offset } : {}) });
    }
    return { epoch: state.epoch, offset: state.offset };
  }

  /** The channel's memory is lost; who follows it is told. */
  loseEpoch(name: string): void {
    const state = this.channel(name);
    Object.assign(state, { epoch: this.#newEpoch(), offset: 0, log: [] });
    this.endSubscriptions(name, "insufficient_state");
  }

  endSubscriptions(channel: string, reason: string): void {
    for (const connection of this.connections) {
      if (connection.subscribed.delete(channel)) {
        connection.notice({ code: "subscription_ended", channel, reason, message: reason });
      }
    }
  }

  closeAll(code: number, reason: string): void {
    for (const connection of [...this.connections]) {
      connection.close(code, reason);
    }
  }

  open(wire: Wire): ModelConnection {
    const connection = new ModelConnection(this, wire);
    this.connections.add(connection);
    return connection;
  }

  count(command: string): number {
    return this.received.filter((frame) => frame.command === command).length;
  }

  #newEpoch(): string {
    this.#epochs += 1;
    return `epoch${this.#epochs}`;
  }
}

export class ModelConnection {
  readonly subscribed = new Set<string>();
  token: string | undefined;
  /** Pushes that are left out, as by a faulty server. */
  holes = 0;
  readonly #gateway: ModelGateway;
  readonly #wire: Wire;
  #lastPush: object | undefined;

  constructor(gateway: ModelGateway, wire: Wire) {
    this.#gateway = gateway;
    this.#wire = wire;
  }

  receive(text: string): void {
    const frame = JSON.parse(text) as Frame;
    const [command = ""] = Object.keys(frame).filter((name) => name !== "id");
    const { [command as "ping"]: body } = frame;
    this.#gateway.received.push({ command, body });
    if (!this.#gateway.ignores(command)) {
      this.#answer(frame);
    }
  }

  push(channel: string, push: object): void {
    if (!this.subscribed.has(channel)) {
      return;
    }
    this.#lastPush = { push: { channel, ...push } };
    if (this.holes > 0) {
      this.holes -= 1;
    } else {
      this.#send(this.#lastPush);
    }
  }

  repeat(): void {
    if (this.#lastPush !== undefined) {
      this.#send(this.#lastPush);
    }
  }

  notice(notice: object): void {
    this.#send({ notice });
  }

  close(code: number, reason: string): void {
    this.closed();
    this.#wire.close(code, reason);
  }

  /** The other side has gone. */
  closed(): void {
    this.#gateway.connections.delete(this);
    this.subscribed.clear();
  }

  #answer({ id, connect, refresh, subscribe, unsubscribe }: Frame): void {
    const token = (connect ?? refresh)?.token;
    if (token !== undefined) {
      if (!this.#gateway.isValid(token)) {
        this.#send({ id, error: { code: "unauthenticated", message: "no", reason: "TOKEN_INVALID" } });
        if (connect !== undefined) {
          this.close(4401, "token_invalid");
        }
        return;
      }
      this.token = token;
      const limits = { channels: 128, frameBytes: 65_536, framesPerSecond: this.#gateway.framesPerSecond };
      const identity = { userId: "ada", expiresAt: "2026-01-01T00:00:00Z" };
      this.#send(connect === undefined ? { id, refreshed: identity } : { id, connected: { ...identity, limits } });
    } else if (subscribe !== undefined) {
      this.#subscribe(id, subscribe);
    } else if (unsubscribe !== undefined) {
      this.subscribed.delete(unsubscribe.channel);
      this.#send({ id, unsubscribed: unsubscribe });
    } else {
      this.#send({ id, pong: {} });
    }
  }

  #subscribe(id: number, { channel, recover }: NonNullable<Frame["subscribe"]>): void {
    const error = this.token === undefined ? { code: "unauthenticated", message: "" } : this.#gateway.refuse(channel);
    if (error !== undefined) {
      this.#send({ id, error });
      return;
    }
    this.subscribed.add(channel);
    if (!channel.startsWith("project:")) {
      this.#send({ id, subscribed: { channel } });
      return;
    }
    const { epoch, offset, log } = this.#gateway.channel(channel);
    const place = { channel, recoverable: true, epoch, offset };
    if (recover === undefined) {
      this.#send({ id, subscribed: place });
      return;
    }
    const publications = log.filter((publication) => publication.offset > recover.offset);
    const recovered = recover.epoch === epoch && recover.offset + publications.length === offset;
    this.#send({ id, subscribed: { ...place, recovered, ...(recovered ? { publications } : {}) } });
  }

  #send(frame: object): void {
    this.#wire.send(JSON.stringify(frame));
  }
}
