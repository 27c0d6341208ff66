import { setTimeout as sleep } from "node:timers/promises";

/*
 * A simulation to watch, made as a user makes it: over REST, with default limits. A user may have twenty connections, so
 * fifty viewers are three people: an owner and two whom they let in.
 */

export interface RunningSimulation {
  readonly id: string;
  /** Of the people who may watch. */
  readonly tokens: readonly string[];
  stop(): Promise<void>;
}

const patienceMs = 15_000;
const wire = { latency: { kind: "constant", meanMs: 0.5 }, timeoutMs: 1000 };
const exponential = (meanMs: number) => ({ kind: "exponential", meanMs, cv: 1 });

/**
 * A balancer, ten instances, a cache that four in five requests are answered from, and a database behind a pool. Each of 32 000
 * requests a second crosses 3.4 links on average: 109 000 messages a second, and as many answers, which are not counted.
 */
const architecture = {
  components: [
    { id: "client", kind: "client" },
    { id: "balancer", kind: "load_balancer", instances: 1, concurrency: 10_000 },
    {
      ...{ id: "app", kind: "service", instances: 10, concurrency: 256, queueCapacity: 1600 },
      serviceTime: exponential(8),
    },
    { id: "cache", kind: "cache", instances: 1, concurrency: 1600, hitRatio: 0.8, serviceTime: exponential(0.5) },
    { id: "pool", kind: "service", instances: 1, concurrency: 128, queueCapacity: 3200, serviceTime: exponential(0.1) },
    { id: "database", kind: "database", instances: 1, concurrency: 128, serviceTime: exponential(10) },
  ],
  links: [
    { from: "client", to: "balancer", ...wire },
    { from: "balancer", to: "app", ...wire, retries: 1, retryBackoffMs: 20 },
    { from: "app", to: "cache", ...wire },
    { from: "cache", to: "pool", ...wire, retries: 1, retryBackoffMs: 20 },
    { from: "pool", to: "database", ...wire },
  ],
  workloads: [{ component: "client", kind: "poisson", ratePerSecond: 32_000 }],
};

/** Where requests come from: what arrives there has crossed no link. */
export const clientComponents: ReadonlySet<string> = new Set(["client"]);

/** Starts the simulation in real time, for longer than anybody measures. */
export async function startSimulation(address: string): Promise<RunningSimulation> {
  const people = await Promise.all([signUp(address), signUp(address), signUp(address)]);
  const [owner, ...others] = people;
  const token = owner?.accessToken ?? "";
  const project = await call<{ id: string }>("POST", `${address}/api/projects`, token, {
    name: "Stream",
    architecture,
  });
  for (const { username, accessToken } of others) {
    await call("POST", `${address}/api/projects/${project.id}/members`, token, { username, role: "viewer" });
    await untilAllowed(`${address}/api/projects/${project.id}`, accessToken);
  }
  const simulation = await call<{ id: string }>("POST", `${address}/api/projects/${project.id}/simulations`, token, {
    ...{ durationSeconds: 3600, seed: 1, speed: 1 },
  });
  return {
    id: simulation.id,
    tokens: people.map(({ accessToken }) => accessToken),
    stop: async () => {
      await call("POST", `${address}/api/simulations/${simulation.id}:stop`, token, {});
    },
  };
}

async function signUp(address: string): Promise<{ username: string; accessToken: string }> {
  const username = `stream-${Math.random().toString(36).slice(2, 10)}`;
  const { accessToken } = await call<{ accessToken: string }>("POST", `${address}/api/auth/signup`, undefined, {
    username,
    email: `${username}@example.org`,
    password: `${username}-${Math.random().toString(36).slice(2)}`,
  });
  return { username, accessToken };
}

/** A new role counts everywhere within moments. */
async function untilAllowed(url: string, token: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const { ok, status } = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    if (ok) {
      return;
    }
    if (performance.now() > deadline) {
      throw new Error(`${url} still answers with ${status}`);
    }
    await sleep(50);
  }
}

async function call<Body>(method: string, url: string, token: string | undefined, body: unknown): Promise<Body> {
  const response = await fetch(url, {
    method,
    headers: {
      "content-type": "application/json",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  });
  if (!response.ok) {
    throw new Error(`${url} answered with ${response.status}: ${await response.text()}`);
  }
  return (await response.json()) as Body;
}
