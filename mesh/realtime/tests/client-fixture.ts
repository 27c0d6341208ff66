import { seededRandom } from "@weft/mesh";
import { FakeClock } from "@weft/mesh/testing";
import {
  type ConnectOptions,
  connect,
  type PageEvents,
  type RealtimeClient,
  type SubscribeRequest,
  type Subscription,
  type SubscriptionState,
  type TokenSource,
} from "../src/index.ts";
import { FakeNetwork } from "./fake-network.ts";
import { ModelGateway } from "./model-gateway.ts";

/** A computer that can sleep: its clock goes on, its timers do not, and nobody tells them. */
class SleepyClock extends FakeClock {
  #sleptMs = 0;

  override now(): number {
    return super.now() + this.#sleptMs;
  }

  sleepFor(ms: number): void {
    this.#sleptMs += ms;
  }
}

/** What a subscription was told, in order: messages as they are, states by name. */
export type Told = unknown;

export class ClientFixture {
  readonly clock = new SleepyClock();
  readonly gateway = new ModelGateway();
  readonly network = new FakeNetwork(this.clock, this.gateway);
  readonly errors: unknown[] = [];
  /** Purposes for which tokens were asked. */
  readonly purposes: string[] = [];
  readonly clients: RealtimeClient[] = [];
  token: TokenSource = () => "token";
  page: Parameters<PageEvents["listen"]>[0] | undefined;

  connect(options: Partial<ConnectOptions> = {}): RealtimeClient {
    const client = connect("ws://gateway.test/ws", {
      token: (purpose, request) => {
        this.purposes.push(purpose);
        return this.token(purpose, request);
      },
      onError: (error) => this.errors.push(error),
      ...options,
      platform: {
        clock: this.clock,
        random: seededRandom(this.clients.length + 1),
        WebSocket: this.network.WebSocket,
        fetch: this.network.fetch,
        page: {
          listen: (listener) => {
            this.page = listener;
            return () => {
              this.page = undefined;
            };
          },
        },
        ...options.platform,
      },
    });
    this.clients.push(client);
    return client;
  }

  /** Subscribes and records; `told` is what handlers were called with. */
  subscribe(
    client: RealtimeClient,
    channel: string,
    request: Partial<SubscribeRequest<unknown, unknown>> = {},
  ): { readonly told: Told[]; readonly subscription: Subscription } {
    const told: Told[] = [];
    const subscription = client.subscribe(channel, {
      onMessage: (message) => told.push(message),
      onState: (state) => told.push(nameOf(state)),
      ...request,
    });
    return { told, subscription };
  }

  /** Ends all; nothing may be left. */
  async close(): Promise<void> {
    for (const client of this.clients) {
      client.close();
    }
    await this.settle();
    if (this.clock.pendingTimers > 0 || this.gateway.connections.size > 0) {
      throw new Error(`left: ${this.clock.pendingTimers} timers, ${this.gateway.connections.size} connections`);
    }
  }

  /** Lets everything under way arrive, without timeouts and retries. */
  settle(): Promise<void> {
    return this.clock.advance(20);
  }
}

/** A state as one word, with what makes a difference. */
function nameOf(state: SubscriptionState): string {
  switch (state.status) {
    case "subscribed":
      return state.recovered ? "recovered" : "not recovered";
    case "loading":
      return state.error === undefined ? "loading" : "loading failed";
    case "ended":
      return `ended: ${state.error.code}`;
    case "subscribing":
      return "subscribing";
  }
}
