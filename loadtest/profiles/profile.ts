/** How long everything takes: data, so that a look of 50 s and a run of five minutes measure the same things. */
export interface Profile {
  readonly name: string;
  readonly rounds: number;
  /** No round is begun that would end later than this after the start, going by those before; the first always runs. */
  readonly budgetMs: number;
  /** When everything is ended, whatever is missing; a quiet machine is done long before. */
  readonly hardLimitMs: number;
  /** Load on every contender before anything counts, until so many calls are done or the time is over. */
  readonly firstWarmUp: { readonly calls: number; readonly leastMs: number; readonly mostMs: number };
  /** The same for the plain gRPC that nobody has served until then. */
  readonly firstServedWarmUpMs: number;
  readonly unary256: Phase;
  readonly unary64: Phase;
  readonly latency: Phase;
  readonly tail: Phase;
  readonly served: Phase;
  readonly connections: Phase;
  /** One window without calls, longer than the interval of any keepalive ping, or it would see none; 0 leaves it out. */
  readonly idleMs: number;
}

export interface Phase {
  readonly warmUpMs: number;
  readonly measureMs: number;
}
