import type { Child } from "../processes/child.ts";
import type { Crew } from "../processes/crew.ts";
import type { LoadResult, ServerStart, Started, TokenLoadOrder } from "../processes/orders.ts";
import type { RowRule } from "../report/rows.ts";
import { orderOfRound, Samples } from "../rounds.ts";
import { type Question, questions } from "../workload.ts";
import type { RestPhase } from "./rest-fronts.ts";

/*
 * ValidateToken of the real auth service, which looks at the signature, and at the session in PostgreSQL when it has not done
 * so within the last second. An open loop of 1000 calls a second, through the mesh; what is asked for is the project's: a p99
 * under 5 ms.
 *
 * Beside it, in the same rounds and from the same caller, stands a service of the mesh that answers the same call from nothing:
 * what is left of that latency when there is no work. On a machine that is busy otherwise this alone can be beyond 5 ms.
 */

const callsPerSecond = 1000;
const askedP99Ms = 5;
const startLimitMs = 30_000;
const graceMs = 20_000;

type Who = "weft" | "bare";

interface Asked {
  readonly who: Who;
  readonly label: string;
  readonly serviceName: string;
  readonly tokens: readonly Question[];
}

export class TokenValidation {
  readonly #crew: Crew;
  readonly #driver: Child;
  readonly #bare: Child;
  readonly #asked: readonly Asked[];

  private constructor(crew: Crew, people: readonly Question[]) {
    this.#crew = crew;
    this.#driver = crew.spawn("the caller of the auth service", "driver-main.ts");
    this.#bare = crew.spawn("the bare service", "server-main.ts");
    const made = questions.slice(0, people.length);
    this.#asked = [
      { who: "weft", label: "ValidateToken", serviceName: "auth-service", tokens: people },
      { who: "bare", label: "bare handler", serviceName: "bare-tokens", tokens: made },
    ];
  }

  /** `people` have tokens of an auth service that is in the crew's registry. Warms everybody up: cold once, as everything is. */
  static async start(crew: Crew, people: readonly Question[], phase: RestPhase): Promise<TokenValidation> {
    const validation = new TokenValidation(crew, people);
    const settings = { redisUrl: crew.redisUrl, serviceName: "bare-tokens", instances: 1 };
    const order: ServerStart = { kind: "serve", contender: "weft", settings };
    await validation.#bare.ask<Started>(order, startLimitMs);
    await validation.measure(0, phase, new Samples(), () => undefined);
    return validation;
  }

  async measure(round: number, phase: RestPhase, samples: Samples, progress: (line: string) => void): Promise<void> {
    for (const asked of orderOfRound(this.#asked, round)) {
      const { p50Ms, p99Ms, wrong, firstError } = await this.#load(asked, phase);
      for (const [series, value] of [
        ["auth-p50", p50Ms],
        ["auth-p99", p99Ms],
      ] as const) {
        samples.add(series, asked.who, round, value);
        if (wrong > 0) {
          samples.fail(series, asked.who, `${wrong} wrong or failed calls: ${firstError ?? ""}`);
        }
      }
      progress(`${asked.label}: p50 ${p50Ms.toFixed(2)}, p99 ${p99Ms.toFixed(2)} ms`);
    }
    samples.add("auth-p99", "asked", round, askedP99Ms);
  }

  async stop(): Promise<void> {
    await this.#crew.dismiss([this.#driver, this.#bare]);
  }

  #load({ serviceName, tokens }: Asked, phase: RestPhase): Promise<LoadResult> {
    const { redisUrl } = this.#crew;
    const order: TokenLoadOrder = { kind: "token-load", redisUrl, serviceName, tokens, callsPerSecond, ...phase };
    return this.#driver.ask<LoadResult>(order, phase.warmUpMs + phase.measureMs + graceMs);
  }
}

const what = `ValidateToken of the auth service with PostgreSQL and Redis, ${callsPerSecond} calls a second`;
const bare = { ours: "weft", peer: "bare", peerName: "bare handler", atLeast: null } as const;
const p99 = { series: "auth-p99", unit: "ms", better: "less" } as const;
const p50 = { series: "auth-p50", unit: "ms", better: "less" } as const;

export const tokenRules: readonly RowRule[] = [
  {
    ...{ id: "auth/validate-token/p99", what: `p99 of ${what}`, ...p99 },
    ...{ ours: "weft", peer: "asked", peerName: "asked", atLeast: 1 },
  },
  { id: "auth/validate-token/p99/bare", what: "that beside a handler of the mesh that does nothing", ...p99, ...bare },
  { id: "auth/validate-token/p50", what: `p50 of ${what}`, ...p50, ...bare },
];
