/** What a question means that leaves something out, on the command line and in the service alike. */
export const studyDefaults = {
  load: 1,
  durationMs: 60_000,
  seed: 1,
  /** Twenty give intervals that are hardly wider than their due: t is 2.09 there, and 1.96 for ever many. */
  replications: 20,
  /** Where a precision gives up. */
  replicationsForPrecision: 200,
  /** The most that a search for a capacity runs at one load. */
  replicationsPerLoad: 160,
  highestLoad: 1000,
  relativePrecision: 0.05,
} as const;
