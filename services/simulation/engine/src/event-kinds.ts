/** What can happen, and what its subject is. Below 15 kinds fit the queue's code. */
export const eventKind = {
  /** An open workload sends its next request. Subject: the workload. */
  arrival: 0,
  /** A closed workload's user has thought enough. Subject: the workload. */
  thinkEnd: 1,
  /** A request reaches a component. Subject of these five: a visit. */
  request: 2,
  /** A component's own work on a request is done. */
  workEnd: 3,
  /** An answer reaches the caller. */
  answer: 4,
  /** The caller's word that it no longer waits reaches the component. */
  cancel: 5,
  /** A request that waited for a rate limit's token has it. */
  token: 6,
  /** A caller's patience ends: with an attempt, or with waiting for a connection. Subject of these four: a call. */
  timeout: 7,
  /** A caller's pause before the next attempt ends. */
  retry: 8,
  /** An attempt failed before it was sent. */
  refusal: 9,
  /** The first attempt has had its time: a second one is sent. */
  hedge: 10,
  /** The first of those who share an instance's cores is done. Subject: the instance. */
  coreEnd: 11,
  /** An autoscaler looks. Subject: the component. */
  scale: 12,
  /** An instance that was started takes requests. Subject: the instance. */
  instanceReady: 13,
} as const;
