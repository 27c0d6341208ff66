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
  readonly connect?: { readonly token?: string; readonly ticket?: string };
  readonly refresh?: { readonly token: string };
  readonly subscribe?: {
    readonly channel: string;
    readonly recover?: { epoch: string; offset: number };
    readonly presence?: boolean;
  };
  readonly presence?: { readonly channel: string };
  readonly publish?: { readonly channel: string; readonly data: unknown; readonly key?: string };
  readonly unsubscribe?: { readonly channel: string };
  readonly ping?: object;
}

/** The positions in the id of an event. */
export function positionsOf(id: string): Map<string, [string, number]> {
  return new Map(id === "" ? [] : Object.entries(JSON.parse(Buffer.from(id, "base64url").toString())));
}

type Refusal = { code: string; message: string; reason?: string; retryAfterMs?: number };

export class ModelGateway {
  /** Publications that a channel remembers. */
  historySize = 256;
  framesPerSecond = 50;
  readonly connections = new Set<ModelConnection>();
  /** Every frame that came, by command. */
  readonly received: { readonly command: string; readonly body: unknown }[] = [];
  /** Tokens that are taken, and tickets where none was given out. */
  isValid: (token: string) => boolean = () => true;
  /** Whose token it is. */
  userOf: (token: string) => string = () => "ada";
  /** The answer to a subscribe that is refused. */
  refuse: (channel: string) => Refusal | undefined = () => undefined;
  /** Other commands that are refused. */
  refuseCommand: (command: string) => Refusal | undefined = () => undefined;
  /** Users beyond which a channel tells numbers only. */
  mostNamed = 100;
  /** Commands that are never answered. */
  ignores: (command: string) => boolean = () => false;
  readonly #channels = new Map<string, ChannelState>();
  /** Others who are in a channel, beside the connections that are shown. */
  readonly #others = new Map<string, readonly string[]>();
  /** With the tokens behind those that were not used. */
  #tickets: Map<string, string | undefined> | undefined;
  #epochs = 0;

  channel(name: string): ChannelState {
    const state = this.#channels.get(name) ?? { epoch: this.#newEpoch(), offset: 0, log: [] };
    this.#channels.set(name, state);
    return state;
  }

  /** `by` is the client who did it. */
  publish(name: string, data: unknown, by: object = {}): { readonly epoch: string; readonly offset: number } {
    const state = this.channel(name);
    state.offset += 1;
    state.log.push({ offset: state.offset, data });
    state.log.splice(0, Math.max(0, state.log.length - this.historySize));
    for (const connection of this.connections) {
      connection.push(name, { data, ...by, ...(name.startsWith("project:") ? { offset: state.offset } : {}) });
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

  /** Gives a ticket, and takes no others from now on. */
  issue(token: string): string {
    this.#tickets ??= new Map();
    const ticket = `ticket${this.#tickets.size + 1} of ${token}`;
    this.#tickets.set(ticket, token);
    return ticket;
  }

  /** The token behind a ticket, once. */
  redeem(ticket: string): string | undefined {
    const token = this.#tickets === undefined ? ticket : this.#tickets.get(ticket);
    this.#tickets?.set(ticket, undefined);
    return token;
  }

  /** Who is in a channel: others, and the users of connections that are shown. */
  present(channel: string): readonly string[] {
    const shown = [...this.connections].filter((connection) => connection.shown.has(channel));
    return [...new Set([...(this.#others.get(channel) ?? []), ...shown.map(({ userId }) => userId)])].sort();
  }

  /** These are there now, beside the connections. */
  setPresent(channel: string, others: readonly string[]): void {
    this.changePresence(channel, () => this.#others.set(channel, others));
  }

  /** Tells who watches a channel what the change has changed, as the real one does. */
  changePresence(channel: string, change: () => void): void {
    const before = this.present(channel);
    change();
    const now = this.present(channel);
    if (now.join() === before.join()) {
      return;
    }
    const wasListed = before.length <= this.mostNamed;
    const news =
      now.length > this.mostNamed
        ? { users: now.length }
        : {
            users: now.length,
            joined: now.filter((name) => !wasListed || !before.includes(name)),
            left: wasListed ? before.filter((name) => !now.includes(name)) : [],
          };
    for (const connection of this.connections) {
      connection.presence(channel, news);
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
  /** Channels in which it is shown. */
  readonly shown = new Set<string>();
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
    const error = this.#gateway.refuseCommand(command);
    if (error !== undefined) {
      this.#send({ id: frame.id, error });
    } else if (!this.#gateway.ignores(command)) {
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

  /** Of what came last in the subscription that is open. */
  repeat(): void {
    if (this.#lastPush !== undefined) {
      this.#send(this.#lastPush);
    }
  }

  presence(channel: string, news: object): void {
    if (this.shown.has(channel)) {
      this.#send({ presence: { channel, ...news } });
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
    for (const channel of [...this.shown]) {
      this.#hide(channel);
    }
    this.#gateway.connections.delete(this);
    this.subscribed.clear();
  }

  get userId(): string {
    return this.#gateway.userOf(this.token ?? "");
  }

  #hide(channel: string): void {
    this.#gateway.changePresence(channel, () => this.shown.delete(channel));
  }

  #answer({ id, connect, refresh, subscribe, unsubscribe, presence, publish }: Frame): void {
    const credential = connect ?? refresh;
    if (credential !== undefined) {
      this.#authenticate(id, credential, connect !== undefined);
    } else if (subscribe !== undefined) {
      this.#subscribe(id, subscribe);
    } else if (unsubscribe !== undefined) {
      this.subscribed.delete(unsubscribe.channel);
      this.#hide(unsubscribe.channel);
      this.#send({ id, unsubscribed: unsubscribe });
    } else if (presence !== undefined) {
      const users = this.#gateway.present(presence.channel);
      const clients = users.map((userId) => ({ userId, connections: 1, since: "2026-01-01T00:00:00Z" }));
      const list = users.length > this.#gateway.mostNamed ? {} : { clients };
      this.#send({ id, presence: { ...presence, users: users.length, connections: users.length, ...list } });
    } else if (publish !== undefined) {
      this.#gateway.publish(publish.channel, publish.data, { from: this.userId, key: publish.key });
      this.#send({ id, published: {} });
    } else {
      this.#send({ id, pong: {} });
    }
  }

  #authenticate(id: number, credential: { token?: string; ticket?: string }, isFirst: boolean): void {
    const { ticket, token = this.#gateway.redeem(ticket ?? "") } = credential;
    if (token === undefined || !this.#gateway.isValid(token)) {
      const reason = token === undefined ? "TICKET_INVALID" : "TOKEN_INVALID";
      this.#send({ id, error: { code: "unauthenticated", message: "no", reason } });
      if (isFirst) {
        this.close(4401, "token_invalid");
      }
      return;
    }
    this.token = token;
    const limits = { channels: 128, frameBytes: 65_536, framesPerSecond: this.#gateway.framesPerSecond };
    const identity = { userId: this.userId, expiresAt: "2026-01-01T00:00:00Z" };
    this.#send(isFirst ? { id, connected: { ...identity, limits } } : { id, refreshed: identity });
  }

  #subscribe(id: number, { channel, recover, presence }: NonNullable<Frame["subscribe"]>): void {
    const error = this.token === undefined ? { code: "unauthenticated", message: "" } : this.#gateway.refuse(channel);
    if (error !== undefined) {
      this.#send({ id, error });
      return;
    }
    this.#lastPush = undefined;
    this.subscribed.add(channel);
    if (presence === true) {
      this.#gateway.changePresence(channel, () => this.shown.add(channel));
    }
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
