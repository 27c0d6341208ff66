import { exponential, singleStation } from "@weft/simulator/testing";
import type { RowRule } from "../report/rows.ts";
import { orderOfRound } from "../rounds.ts";
import { measureEngine } from "./full-model.ts";
import { latest, type Measuring, ours } from "./measuring.ts";
import { compileC, findSimpy, type Mm1Peer } from "./mm1-peers.ts";

/* One queue, M/M/1, through the engine, in SimPy and in C. */

/** One server of 100/s, offered 90/s: what `mm1.c` and `mm1_simpy.py` simulate. */
const mmOne = singleStation(90, { serviceTime: exponential(10) });

/** Measures whoever is installed, and gives the rows to make of it. */
export async function measureMmOne({ samples, profile, progress }: Measuring): Promise<readonly RowRule[]> {
  const [simpy, c] = await Promise.all([findSimpy(), compileC()]);
  try {
    const peers: readonly { readonly peer: Mm1Peer; readonly customers: number }[] = [
      ...(simpy === undefined ? [] : [{ peer: simpy, customers: profile.simpyCustomers }]),
      ...(c === undefined ? [] : [{ peer: c, customers: profile.cCustomers }]),
    ];
    measureEngine(mmOne, profile.measureMs, 1);
    for (let round = 0; round < profile.rounds; round++) {
      for (const one of orderOfRound([undefined, ...peers], round)) {
        if (one === undefined) {
          samples.add("mm1", ours, round, measureEngine(mmOne, profile.measureMs, round + 2).requestsPerSecond);
          continue;
        }
        try {
          samples.add("mm1", one.peer.id, round, await one.peer.measure(one.customers, round + 2));
        } catch (error) {
          samples.fail("mm1", one.peer.id, error instanceof Error ? error.message : String(error));
        }
      }
      const who = [ours, ...peers.map(({ peer }) => peer.id)];
      progress(`round ${round + 1}/${profile.rounds}  M/M/1: ${latest(samples, "mm1", who)} customers/s`);
    }
  } finally {
    await c?.remove();
  }
  return [mmOneRule("simpy", simpy, "SimPy", 20), mmOneRule("c", c, "a C compiler", 0.4)];
}

/** A peer that is not installed leaves a row of our own figure, which asks nothing. */
function mmOneRule(id: Mm1Peer["id"], peer: Mm1Peer | undefined, name: string, atLeast: number): RowRule {
  const what = "customers per second through an M/M/1 at 90 %";
  const shared = { id: `mm1/${id}`, series: "mm1", unit: "customers/s", better: "more", ours } as const;
  return peer === undefined
    ? { ...shared, what: `${what}; ${name} is not installed, so there is nothing to compare with`, atLeast: null }
    : { ...shared, what, peer: id, peerName: peer.name, atLeast };
}
