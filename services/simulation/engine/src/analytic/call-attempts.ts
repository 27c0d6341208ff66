/**
 * A call over a link to a component in a known state: its attempts, how it ends, how long it takes with its pauses.
 *
 * - Bandwidth: each way is a station of its own that takes as long for each message (M/D/1; Pollaczek and Khinchine).
 * - A pool of connections is a station whose slots are the connections, held from when an attempt is sent until its answer
 *   is back; one for each calling instance. Where nothing else holds them that is M/M/c. What a pool keeps away from the
 *   queue of the callee waits for a connection instead.
 */
import type { Distribution } from "../architecture.ts";
import { momentsOf } from "../distribution-moments.ts";
import type { ModelComponent, ModelLink } from "../model.ts";
import { attemptsPerCall, callFailureRatio } from "./amplification.ts";
import type { LinkState } from "./call-time.ts";
import { componentWait } from "./component-wait.ts";
import { limitedMeanMs, noTime, type RandomTime, tailAbove } from "./random-time.ts";

/** What a caller has to know of who it calls. */
export interface Callee {
  readonly shedRatio: number;
  readonly wait: RandomTime;
  readonly inside: RandomTime;
  readonly movedMs: number;
  readonly failureRatio: number;
}

/** Mean and variance of a distribution. */
export function timeOf(distribution: Distribution): RandomTime {
  const { meanMs, cv } = momentsOf(distribution);
  return { meanMs, varianceMs2: (meanMs * cv) ** 2 };
}

/** Connections for all calls that the caller can have under way at once, or no pool at all, make nobody wait. */
export function limitsCalls({ maxConnections, callsPerRequest }: ModelLink, caller: ModelComponent): boolean {
  if (maxConnections === 0) return false;
  if (caller.isClient || caller.isQueue || !caller.holdsSlot) return true;
  const atOnce = caller.isParallel ? Math.ceil(callsPerRequest) : 1;
  return maxConnections < caller.concurrency * atOnce;
}

export function callState(
  link: ModelLink,
  callee: Callee,
  { caller, attemptsPerSecond }: { readonly caller: ModelComponent; readonly attemptsPerSecond: number },
): LinkState {
  const { retries, timeoutMs, retryBackoffMs, retryJitter } = link;
  const network = networkTime(link, attemptsPerSecond);
  const served = 1 - callee.shedRatio;
  const visitMs = callee.wait.meanMs + callee.inside.meanMs;
  const meanMs = network.meanMs + (served === 0 ? 0 : served * visitMs);
  const visitVariance = callee.wait.varianceMs2 + callee.inside.varianceMs2 + callee.shedRatio * visitMs ** 2;
  const attempt = { meanMs, varianceMs2: network.varianceMs2 + (meanMs === Infinity ? 0 : served * visitVariance) };
  const lateRatio = timeoutMs === 0 ? 0 : tailAbove(attempt, timeoutMs);
  const failing = 1 - (1 - callee.failureRatio) * (1 - lateRatio);
  const attempts = attemptsPerCall(failing, retries);
  const answeredMs = timeoutMs === 0 ? meanMs : limitedMeanMs(attempt, timeoutMs);
  const pool = poolOf(
    link,
    caller,
    { meanMs: answeredMs, varianceMs2: attempt.varianceMs2 },
    attemptsPerSecond,
    callee,
  );
  const attemptMs = answeredMs + pool.wait.meanMs;
  let pausesMs = 0;
  let variance =
    attempts * attempt.varianceMs2 * (meanMs === Infinity ? 0 : Math.min(1, answeredMs / (meanMs || 1)) ** 2) +
    (attemptMs === Infinity ? 0 : attempts * pool.wait.varianceMs2);
  let attemptsSquare = 0;
  for (let made = 0; made <= retries; made++) {
    const reached = failing ** made;
    attemptsSquare += (2 * made + 1) * reached;
    if (made === 0) continue;
    const longestMs = retryBackoffMs * 2 ** (made - 1);
    const pauseMs = retryJitter === "none" ? longestMs : longestMs / 2;
    const square = retryJitter === "none" ? pauseMs ** 2 : (pauseMs ** 2 * 4) / 3;
    pausesMs += reached * pauseMs;
    variance += reached * square - (reached * pauseMs) ** 2;
  }
  const again = attemptsSquare - attempts ** 2;
  if (again > 0 && attemptMs < Infinity) variance += again * attemptMs ** 2;
  return {
    attempts,
    lateRatio,
    failingRatio: failing,
    failureRatio: callFailureRatio(failing, retries),
    attempt,
    attemptsPerSecond,
    poolOffered: pool.offered,
    bandwidthOffered: Math.max(...transfersOf(link).map((ms) => (attemptsPerSecond * ms) / 1000)),
    time: { meanMs: attempts * attemptMs + pausesMs, varianceMs2: variance },
  };
}

/** Both ways. */
export function networkTime(link: ModelLink, attemptsPerSecond: number): RandomTime {
  let { meanMs, varianceMs2 } = timeOf(link.latency);
  for (const transferMs of transfersOf(link)) {
    const offered = (attemptsPerSecond * transferMs) / 1000;
    if (offered >= 1) return { meanMs: Infinity, varianceMs2: 0 };
    const waitMs = (offered * transferMs) / (2 * (1 - offered));
    meanMs += transferMs + waitMs;
    varianceMs2 += waitMs ** 2 + (offered * transferMs ** 2) / (3 * (1 - offered));
  }
  return { meanMs, varianceMs2 };
}

/** How long a request and an answer occupy the link, each way. */
function transfersOf({ bandwidthMbps, requestKb, answerKb }: ModelLink): readonly [number, number] {
  return bandwidthMbps === 0 ? [0, 0] : [(requestKb * 8) / bandwidthMbps, (answerKb * 8) / bandwidthMbps];
}

function poolOf(
  link: ModelLink,
  caller: ModelComponent,
  hold: RandomTime,
  attemptsPerSecond: number,
  { movedMs }: Callee,
): { offered: number; wait: RandomTime } {
  if (!limitsCalls(link, caller)) return { offered: 0, wait: noTime };
  const { offered, wait } = componentWait({
    instances: caller.instances,
    concurrency: link.maxConnections,
    queueCapacity: link.connectionQueue,
    balancing: caller.instances === 1 ? "power_of_two" : "random",
    choices: 2,
    arrivalsPerSecond: attemptsPerSecond,
    arrivalScv: 1,
    hold,
    callers: Infinity,
    callersElsewhere: 0,
    areUsers: false,
  });
  return { offered, wait: wait.meanMs < movedMs ? { meanMs: movedMs, varianceMs2: movedMs ** 2 } : wait };
}
