/** What can happen. The subject of the first two is a workload, of the next three a visit, of the last two a call. */
export const eventKind = {
  /** An open workload sends its next request. */
  arrival: 0,
  /** A closed workload's user has thought enough. */
  thinkEnd: 1,
  /** A request reaches a component. */
  request: 2,
  /** A component's own work on a request is done. */
  workEnd: 3,
  /** An answer reaches the caller. */
  answer: 4,
  /** A caller's patience ends. */
  timeout: 5,
  /** A caller's pause before the next attempt ends. */
  retry: 6,
} as const;
