import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link } from "./architecture.ts";
import { component, constant, link, poisson, resultsOfComponent, simulate } from "./scenario.ts";

const cancels: Partial<Link> = { timeoutCancels: true };

/** A chain of three; the client gives up after 50 ms, and everybody's word is followed. */
function chain(given: {
  front?: Partial<Component>;
  api?: Partial<Component>;
  db?: Partial<Component>;
  client?: Partial<Link>;
  call?: Partial<Link>;
  arrivalsMs?: readonly number[];
  kinds?: readonly Component["kind"][];
}): Architecture {
  const [front, api, db] = given.kinds ?? ["service", "service", "database"];
  return {
    components: [
      component("client", "client"),
      component("front", front as Component["kind"], { concurrency: 10, ...given.front }),
      component("api", api as Component["kind"], { concurrency: 10, ...given.api }),
      component("db", db as Component["kind"], { concurrency: 10, ...given.db }),
    ],
    links: [
      link("client", "front", { timeoutMs: 50, ...cancels, ...given.client }),
      link("front", "api", cancels),
      link("api", "db", { ...cancels, ...given.call }),
    ],
    workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs: given.arrivalsMs ?? [0] }],
  };
}

const run = (model: Architecture, durationMs = 10_000) => simulate(model, { durationMs });

function books(model: Architecture, durationMs?: number) {
  const simulation = run(model, durationMs);
  for (const { arrivals, completed, failed, shed, inFlight, presentAreaNs, residenceNs } of simulation.audit()) {
    expect(arrivals).toBe(completed + failed + shed + inFlight);
    expect(presentAreaNs).toBe(residenceNs);
  }
  const of = (id: string) => resultsOfComponent(simulation.results(), id);
  return { results: simulation.results(), front: of("front"), api: of("api"), db: of("db") };
}

describe("giving up where the link cancels", () => {
  test("ends the work of the whole chain, a way's delay later at each link", () => {
    const latency = constant(4);
    const model = chain({ db: { serviceTime: constant(1000) }, client: { latency }, call: { latency } });
    const { results, front, api, db } = books(model);
    expect(results).toMatchObject({ failed: 1, inFlight: 0 });
    for (const one of [front, api, db]) expect(one).toMatchObject({ cancelled: 1, failed: 1, inFlight: 0 });
    // Told at 52, at 52 (no delay between front and api) and at 54; the work began at 4.
    expect(db.workUtilization * 10 * 10_000).toBeCloseTo(50, 6);
    expect(front.utilization * 10 * 10_000).toBeCloseTo(50, 6);
  });

  test("does nothing where the link does not, and stops at the first such link", () => {
    const silent = books(chain({ db: { serviceTime: constant(1000) }, client: { timeoutCancels: false } }));
    expect(silent.db).toMatchObject({ cancelled: 0, completed: 1 });
    const half = books(chain({ db: { serviceTime: constant(1000) }, call: { timeoutCancels: false } }));
    expect(half.api).toMatchObject({ cancelled: 1 });
    expect(half.db).toMatchObject({ cancelled: 0, completed: 1 });
    expect(half.db.workUtilization * 10 * 10_000).toBeCloseTo(1000, 6);
  });

  test("frees slots for who waits, and takes out of the queue who waits himself", () => {
    const model = chain({
      db: { concurrency: 1, serviceTime: constant(1000) },
      arrivalsMs: [0, 10, 60],
      client: { timeoutMs: 50 },
    });
    const { db } = books(model);
    // The first holds the slot until 50 and the second from then until 60; the third until 110.
    expect(db).toMatchObject({ cancelled: 3, inFlight: 0 });
    expect(db.workUtilization * 10_000).toBeCloseTo(110, 6);
    const queued = books(chain({ db: { concurrency: 1, serviceTime: constant(1000) }, arrivalsMs: [0, 0, 0] }));
    expect(queued.db).toMatchObject({ cancelled: 3, inFlight: 0, queueLengthMax: 2 });
    expect(queued.db.queueLengthMean * 10_000).toBeCloseTo(100, 6);
  });

  test("goes through shared cores, which the others then have for themselves", () => {
    const model = chain({
      db: { cpus: 1, serviceTime: constant(60) },
      arrivalsMs: [0, 30],
      client: { timeoutMs: 100 },
    });
    // 30 alone, then halves: the first ends at 90, the second has done 30 by then and ends at 120.
    expect(books(model).results).toMatchObject({ completed: 2, latency: { maxMs: 90 } });
    const impatient = {
      ...model,
      links: model.links.map((one) => (one.from === "client" ? { ...one, timeoutMs: 70 } : one)),
    };
    // The first is gone at 70 with 20 done by the second, which ends 40 later, at 110: too late by 10.
    const { db } = books(impatient);
    expect(db).toMatchObject({ cancelled: 2 });
    expect(db.coreUtilization * 10_000).toBeCloseTo(100, 6);
  });

  test("reaches those who wait for a rate limit's token or for a row", () => {
    const limited = books(
      chain({ db: { rateLimit: { perSecond: 1, burst: 1, whenExceeded: "wait" } }, arrivalsMs: [0, 0, 0] }),
    );
    expect(limited.db).toMatchObject({ completed: 1, cancelled: 2, inFlight: 0 });
    const locks = { keys: 1, skew: 0, share: 1 };
    const locked = books(chain({ db: { serviceTime: constant(40), locks }, arrivalsMs: [0, 0, 0, 60] }));
    // The second has the row from 40 and is called off at 50 with the third; the last has it from 60 to 100.
    expect(locked.db).toMatchObject({ completed: 2, cancelled: 2, inFlight: 0 });
    expect(locked.results.completed).toBe(2);
  });

  test("reaches a call that waits for a connection, and lets the next one have it", () => {
    const model = chain({ db: { serviceTime: constant(1000) }, call: { maxConnections: 1 }, arrivalsMs: [0, 10, 55] });
    const { api, db } = books(model);
    expect(db).toMatchObject({ arrivals: 3, cancelled: 3 });
    expect(api.backlogMean * 10_000).toBeCloseTo(40 + 5, 6);
  });

  test("ends all legs of a parallel call, and with one of them failed none", () => {
    const model: Architecture = {
      ...chain({ front: { fanOut: "parallel" }, db: { serviceTime: constant(1000) } }),
      links: [
        link("client", "front", { timeoutMs: 50, ...cancels }),
        link("front", "api", { callsPerRequest: 3, ...cancels }),
        link("front", "db", { callsPerRequest: 2, ...cancels }),
      ],
    };
    const { api, db } = books(model);
    expect(api).toMatchObject({ completed: 3, cancelled: 0 });
    expect(db).toMatchObject({ cancelled: 2, failed: 2, inFlight: 0 });
  });

  test("ends a fetch of a cache for all who wait for it, but not for one of them alone", () => {
    const cache = { keys: 1, skew: 0, capacity: 1, policy: "lru", ttlMs: 0, singleFlight: true } as const;
    const of = (arrivalsMs: readonly number[]) =>
      books(
        chain({
          kinds: ["service", "cache", "database"],
          api: { cache },
          db: { serviceTime: constant(70) },
          arrivalsMs,
        }),
      );
    // The fetcher is called off at 50 and takes the one of 10 with him; the one of 55 fetches anew and is called off too.
    const first = of([0, 10, 55]);
    expect(first.api).toMatchObject({ collapsedMisses: 1, cancelled: 2, completed: 0, failed: 3, inFlight: 0 });
    expect(first.db).toMatchObject({ arrivals: 2, cancelled: 2 });
  });

  test("meets a request on its way, which is then not begun", () => {
    const delay = (share: number) => ({ kind: "delay", link: "client-front", extra: constant(200), share }) as const;
    const changes = [
      { atMs: 0, change: delay(1) },
      { atMs: 10, change: delay(0) },
    ];
    const results = simulate(chain({ arrivalsMs: [5, 300] }), { durationMs: 1000, changes }).results();
    expect(results).toMatchObject({ completed: 1, failed: 1, inFlight: 0 });
    expect(resultsOfComponent(results, "front").arrivals).toBe(1);
  });

  test("keeps its books when everything is called off all the time", () => {
    const model: Architecture = {
      ...chain({
        front: { concurrency: 3 },
        api: { concurrency: 3, cpus: 1, serviceTime: constant(8) },
        db: { concurrency: 2, serviceTime: constant(20) },
      }),
      workloads: [poisson("client", 300)],
    };
    const { results, db } = books(model, 20_000);
    expect(results.failed).toBeGreaterThan(1000);
    expect(db.cancelled).toBeGreaterThan(100);
  });
});
