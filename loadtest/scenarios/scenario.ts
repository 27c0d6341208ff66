import type { ContenderId } from "../contenders/contender.ts";
import type { Crew } from "../processes/crew.ts";
import type { Pair } from "../processes/pair.ts";
import type { Profile } from "../profiles/profile.ts";
import type { RowRule } from "../report/rows.ts";
import { type Better, orderOfRound, type Samples } from "../rounds.ts";

/*
 * A scenario is one way of using a service: it measures those it is about once per round, puts values into series, and
 * says which rows and charts are made of these.
 */
export interface Scenario {
  readonly id: string;
  /** Who has to run for it; a scenario that starts processes of its own needs nobody. */
  readonly needs: readonly ContenderId[];
  /** True for what is measured once, after the rounds. */
  readonly once: boolean;
  measure(context: RoundContext): Promise<void>;
  readonly rules: readonly RowRule[];
  readonly charts: readonly Chart[];
}

/** A series as a picture: one bar for everybody who has values in it. */
export interface Chart {
  readonly series: string;
  readonly title: string;
  readonly unit: string;
  readonly better: Better;
}

export interface RoundContext {
  readonly round: number;
  readonly profile: Profile;
  readonly samples: Samples;
  readonly crew: Crew;
  /** Those that run; one that failed for good is no longer there. */
  readonly pairs: Map<ContenderId, Pair>;
  /** One line for whoever watches. */
  progress(line: string): void;
}

/**
 * Measures each of `contenders` in the order of this round. A failure is noted against the series that it would have
 * filled, and a contender that no longer responds is taken out of the run, so that the others still get their figures
 * within the time there is.
 */
export async function measureEach(
  context: RoundContext,
  series: string,
  contenders: readonly ContenderId[],
  measure: (pair: Pair) => Promise<string>,
): Promise<void> {
  const { round, samples, pairs } = context;
  for (const contender of orderOfRound(contenders, round)) {
    const pair = pairs.get(contender);
    if (pair === undefined) {
      samples.fail(series, contender, "its processes are gone");
      continue;
    }
    try {
      context.progress(`${series}  ${pair.label}: ${await measure(pair)}`);
    } catch (error) {
      samples.fail(series, contender, error instanceof Error ? error.message : String(error));
      context.progress(`${series}  ${pair.label} failed: ${String(error)}`);
      if (!(await pair.responds())) {
        pairs.delete(contender);
        await pair.stop();
      }
    }
  }
}

/** A wrong answer is not slow, it is wrong: the row fails whatever its figure. */
export function noteWrong(
  samples: Samples,
  series: string,
  who: string,
  result: { readonly wrong: number; readonly firstError: string | undefined },
): void {
  if (result.wrong > 0) {
    samples.fail(series, who, `${result.wrong} wrong or failed calls: ${result.firstError ?? ""}`);
  }
}
