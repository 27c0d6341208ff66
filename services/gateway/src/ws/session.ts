import { Code } from "@connectrpc/connect";
import type { KeySender, TokenVerifier } from "@weft/auth/verifier";
import { type Clock, errorReason, type Logger, type Random, serviceError, type Timer } from "@weft/mesh";
import type { GatewayLimits } from "../config.ts";
import type { WebSocketConnection, WebSocketListener } from "../http/http-server.ts";
import type { GatewayMetrics } from "../metrics.ts";
import type { VerifyCredential } from "../upstream/credentials.ts";
import type { ChannelAccess, Subscriber } from "./channel-access.ts";
import { ClientConnection, type SlowClientListener } from "./client-connection.ts";
import type { ClientPublisher } from "./client-publisher.ts";
import { type CloseReason, clientCloseReason, closeCodes } from "./close-reason.ts";
import type { ConnectionManager, ManagedConnection } from "./connection-manager.ts";
import { ConnectionPresence } from "./connection-presence.ts";
import { isBadCredential, redeem } from "./credentials.ts";
import { FrameBudget } from "./frame-budget.ts";
import type { Encoded, FrameCodec } from "./frame-codec.ts";
import type { LiveFeed } from "./live-feed.ts";
import type { Presence } from "./presence.ts";
import type { Command } from "./protocol.ts";
import type { RecoverableFeed } from "./recoverable-feed.ts";
import type { RegularChecks, RegularlyChecked } from "./regular-checks.ts";
import { type CommandContext, runCommand } from "./run-command.ts";
import { frameErrorOf, type ServerFrame } from "./server-frames.ts";
import type { SubscriberCounts } from "./subscriber-counts.ts";
import { SubscriptionSet } from "./subscription-set.ts";
import type { Tickets } from "./tickets.ts";
import { TokenExpiry, type TokenHolder } from "./token-expiry.ts";

/*
 * One connection (a WebSocket, or a stream of events) from its opening to its end. States: *connecting* (no identity yet; a timer ends it), *ready*
 * (it acts for a user until the token ends), *closed*.
 *
 * A connect frame holds back the frames behind it, so a client need not wait for its answer; all other commands run side
 * by side, as a slow subscription must not hold up a ping. The token's end is foreseen (a notice, then the close); its
 * revocation is heard of; and every minute token and permissions are asked again, should the news have been lost.
 */

export interface SessionDependencies {
  readonly limits: GatewayLimits;
  readonly verifier: Pick<TokenVerifier, "verify">;
  /** For what clients connect with, which may be an API key. */
  readonly verify: VerifyCredential;
  readonly tickets: Pick<Tickets, "redeem">;
  readonly access: ChannelAccess;
  readonly feed: LiveFeed;
  readonly recoverable: RecoverableFeed;
  readonly presence: Presence;
  readonly publisher: ClientPublisher;
  readonly counts: SubscriberCounts;
  readonly manager: ConnectionManager;
  readonly checks: RegularChecks;
  readonly clock: Clock;
  readonly random: Pick<Random, "id">;
  readonly logger: Logger;
  readonly metrics: GatewayMetrics;
}

const nothingUnderWay = Promise.resolve();

type Authentication = Extract<Command, { kind: "connect" | "refresh" }>;

export class Session
  implements WebSocketListener, ManagedConnection, RegularlyChecked, TokenHolder, SlowClientListener
{
  readonly #connection: ClientConnection;
  readonly #deps: SessionDependencies;
  readonly #sender: KeySender;
  readonly #budget: FrameBudget;
  readonly #expiry: TokenExpiry;
  readonly #presence: ConnectionPresence;
  readonly #subscriptions: SubscriptionSet;
  #ended = false;
  #subscriber: Subscriber | undefined;
  #authenticating = nothingUnderWay;
  #connectTimer: Timer | undefined;
  #closeReason: CloseReason | undefined;

  /** `subscriber` is whom the upgrade request authenticated; without one a connect frame has to. */
  constructor(
    socket: WebSocketConnection,
    codec: FrameCodec,
    subscriber: Subscriber | undefined,
    sender: KeySender,
    deps: SessionDependencies,
  ) {
    const { limits, clock } = deps;
    this.#connection = new ClientConnection(socket, codec, limits.backpressureHardBytes, this);
    this.#deps = deps;
    this.#sender = sender;
    this.#budget = new FrameBudget(limits.framesPerSecond, clock.monotonicMs());
    this.#expiry = new TokenExpiry(clock, limits.expiryNoticeMs, this);
    this.#presence = new ConnectionPresence(this.#connection, deps);
    this.#subscriptions = new SubscriptionSet(this.#connection, this.#presence, deps);
    deps.manager.add(this);
    deps.metrics.connections.inc();
    if (subscriber === undefined) {
      const late = () => this.#close("connect_timeout");
      this.#connectTimer = clock.setTimer(late, limits.connectTimeoutMs);
    } else if (!this.#become(subscriber)) {
      this.#close("too_many_connections");
    }
  }

  get userId(): string | undefined {
    return this.#subscriber?.principal.userId;
  }

  get sessionId(): string | undefined {
    return this.#subscriber?.principal.sessionId;
  }

  message(bytes: Uint8Array, form: Encoded["form"]): void {
    const { limits, clock } = this.#deps;
    const { codec } = this.#connection;
    if (this.#ended) {
      return;
    }
    if (form !== codec.reads) {
      this.#close(`${form}_frame`);
    } else if (bytes.byteLength > limits.frameMaxBytes) {
      this.#close("frame_too_large");
    } else if (!this.#budget.tryTake(clock.monotonicMs())) {
      this.#close("rate_limited");
    } else {
      this.#handle(bytes);
    }
  }

  drained(): void {
    this.#subscriptions.drained();
  }

  revoked(): void {
    this.#close("token_revoked");
  }

  tooSlow(): void {
    this.#close("slow_consumer");
  }

  tokenExpiring(expiresAtMs: number): void {
    this.#connection.send({ kind: "notice", notice: { code: "token_expiring", expiresAtMs } });
  }

  tokenExpired(): void {
    this.#close("token_expired");
  }

  drain(reconnectAfterMs: number): void {
    this.#connection.send({ kind: "notice", notice: { code: "draining", reconnectAfterMs } });
    this.#close("draining");
  }

  closed(code: number): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#connectTimer?.cancel();
    this.#expiry.stop();
    this.#subscriptions.end();
    this.#deps.checks.cancel(this);
    this.#deps.manager.remove(this);
    this.#deps.manager.release();
    this.#deps.metrics.connections.dec();
    const reason = this.#closeReason ?? clientCloseReason(code);
    this.#deps.metrics.closes.inc({ reason });
    this.#deps.logger.debug({ reason, code, userId: this.userId }, "a WebSocket connection has ended");
  }

  #handle(bytes: Uint8Array): void {
    const parsed = this.#connection.codec.decode(bytes);
    if (!parsed.ok) {
      this.#deps.metrics.commands.inc({ command: "invalid", outcome: "invalid_argument" });
      const error = serviceError(Code.InvalidArgument, "FRAME_INVALID", parsed.message);
      this.#connection.send({ kind: "error", id: parsed.id, ...frameErrorOf(error) });
      return;
    }
    this.command(parsed.id, parsed.command);
  }

  /** Carries a command out as if a frame had brought it; the answer goes out as one. */
  command(id: number, command: Command): void {
    // Undefined: the command has sent its answer itself, or there is nobody left to answer.
    const answer = (run: () => Promise<ServerFrame | undefined> | ServerFrame) =>
      this.#authenticating.then(run).then(
        (frame) => this.#succeed(command, frame),
        (error: unknown) => this.#fail(id, command, error),
      );
    if (command.kind === "connect" || command.kind === "refresh") {
      this.#authenticating = answer(() => this.#authenticate(id, command));
    } else {
      void answer(() => runCommand(id, command, this.#subscriber, this.#commandContext()));
    }
  }

  #commandContext(): CommandContext {
    const { publisher } = this.#deps;
    return { connection: this.#connection, subscriptions: this.#subscriptions, presence: this.#presence, publisher };
  }

  #succeed({ kind }: Command, frame: ServerFrame | undefined): void {
    this.#deps.metrics.commands.inc({ command: kind, outcome: "ok" });
    if (frame !== undefined) {
      this.#connection.send(frame);
    }
  }

  #fail(id: number, command: Command, error: unknown): void {
    if (errorReason(error) === undefined) {
      this.#deps.logger.error({ err: error, command: command.kind }, "a WebSocket command failed");
    }
    const told = frameErrorOf(error);
    this.#deps.metrics.commands.inc({ command: command.kind, outcome: told.code });
    this.#connection.send({ kind: "error", id, ...told });
    if (isBadCredential(error) && command.kind === "connect") {
      this.#close("token_invalid");
    }
  }

  async #authenticate(id: number, { kind, token, ticket }: Authentication): Promise<ServerFrame | undefined> {
    const before = this.#subscriber;
    if (before === undefined && kind === "refresh") {
      throw serviceError(Code.Unauthenticated, "CONNECT_FIRST", "send a connect frame with an access token first");
    }
    const subscriber =
      ticket === undefined ? await this.#deps.verify(token, this.#sender) : await redeem(ticket, this.#deps);
    const { principal } = subscriber;
    if (before !== undefined && before.principal.userId !== principal.userId) {
      throw serviceError(Code.PermissionDenied, "OTHER_USER", "this connection acts for another user; open a new one");
    }
    if (this.#ended) {
      return undefined;
    }
    if (!this.#become(subscriber)) {
      this.#close("too_many_connections");
      return undefined;
    }
    if (before !== undefined) {
      void this.#recheck();
    }
    const { channelsPerConnection: channels, frameMaxBytes: frameBytes, framesPerSecond } = this.#deps.limits;
    const { userId, expiresAtMs } = principal;
    return kind === "refresh"
      ? { kind: "refreshed", id, userId, expiresAtMs }
      : { kind: "connected", id, userId, expiresAtMs, limits: { channels, frameBytes, framesPerSecond } };
  }

  /** Acts for a subscriber from now on; false when that user has too many connections. */
  #become(subscriber: Subscriber): boolean {
    const { manager } = this.#deps;
    if (this.#subscriber === undefined && !manager.assign(this, subscriber.principal.userId)) {
      return false;
    }
    this.#subscriber = subscriber;
    this.#connectTimer?.cancel();
    this.#connectTimer = undefined;
    this.#expiry.watch(subscriber.principal.expiresAtMs);
    this.#deps.checks.plan(this);
    return true;
  }

  check(): void {
    void this.#recheck().then(() => {
      if (!this.#ended) {
        this.#deps.checks.plan(this);
      }
    });
  }

  /** Asks again whether the token is good and the channels may be read. Never rejects. */
  async #recheck(): Promise<void> {
    const subscriber = this.#subscriber;
    if (subscriber === undefined || this.#ended) {
      return;
    }
    try {
      await this.#deps.verifier.verify(subscriber.token);
    } catch (error) {
      if (errorReason(error)?.startsWith("TOKEN_") === true && this.#subscriber === subscriber) {
        this.#close(errorReason(error) === "TOKEN_REVOKED" ? "token_revoked" : "token_expired");
        return;
      }
      // It could not be found out; the end of the token is still watched for.
      this.#deps.logger.warn({ err: error }, "the token of a WebSocket connection could not be checked again");
    }
    await this.#subscriptions.recheck(subscriber);
  }

  #close(reason: CloseReason): void {
    if (!this.#ended) {
      this.#closeReason ??= reason;
      this.#connection.close(closeCodes[reason], reason);
    }
  }
}
