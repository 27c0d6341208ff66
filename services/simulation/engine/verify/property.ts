/**
 * A property needs no exact answer: it holds of every run, or the engine is wrong. Each check looks at as many runs as it
 * finds worth while, and says in numbers what it saw.
 */
export interface Property {
  readonly id: string;
  readonly what: string;
  /** Quick checks look at fewer runs. */
  readonly check: (isQuick: boolean) => readonly Observation[];
}

export interface Observation {
  readonly name: string;
  readonly holds: boolean;
  /** What was seen, with its numbers; also when it holds. */
  readonly seen: string;
  /** The same wherever it is made: compared between a worker and the main thread. */
  readonly fingerprint?: string;
}
