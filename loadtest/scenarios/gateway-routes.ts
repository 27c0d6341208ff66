import autocannon, { type Options, type Result } from "autocannon";
import { formatNumber } from "../report/table.ts";
import type { Samples } from "../rounds.ts";

/*
 * What people ask of the gateway: a page of its own, the keys that anybody may read, and a project that a user opens, which
 * goes through token, permission and database. Each is driven twice: as fast as it answers for the rate, then at half of that
 * rate for the latencies, which autocannon then counts from when a request was due. Signing up and logging in are left
 * out: they are slow by intent.
 */

export interface Route {
  readonly id: (typeof routeIds)[number];
  readonly what: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export const routeIds = ["health", "keys", "profile", "project"] as const;

export interface GatewayPhase {
  readonly connections: number;
  readonly seconds: number;
}

/** A new account; gives who it is of, and the token to call with. */
export async function signUp(address: string): Promise<{ readonly userId: string; readonly accessToken: string }> {
  const name = `bench-${Math.random().toString(36).slice(2, 10)}`;
  const { user, accessToken } = await post<{ user: { id: string }; accessToken: string }>(
    `${address}/api/auth/signup`,
    undefined,
    { username: name, email: `${name}@example.org`, password: `${name}-${Math.random().toString(36).slice(2)}` },
  );
  return { userId: user.id, accessToken };
}

/** A person with a project, as they are before anything is measured. */
export async function prepareRoutes(address: string): Promise<readonly Route[]> {
  const { accessToken } = await signUp(address);
  const { id } = await post<{ id: string }>(`${address}/api/projects`, accessToken, {
    name: "Bench",
    architecture: {
      components: [
        { id: "users", kind: "client" },
        { id: "api", kind: "service" },
        { id: "db", kind: "database" },
      ],
      links: [
        { from: "users", to: "api" },
        { from: "api", to: "db" },
      ],
    },
  });
  const user = { authorization: `Bearer ${accessToken}` };
  return [
    { id: "health", what: "GET /healthz, answered by the gateway itself", path: "/healthz", headers: {} },
    { id: "keys", what: "GET /.well-known/jwks.json, public, one hop", path: "/.well-known/jwks.json", headers: {} },
    { id: "profile", what: "GET /api/auth/profile, authenticated", path: "/api/auth/profile", headers: user },
    {
      id: "project",
      what: "GET /api/projects/{id}, authenticated and authorized, from the database",
      path: `/api/projects/${id}`,
      headers: user,
    },
  ];
}

export async function measureRoute(
  { id, path, headers }: Route,
  { address, phase, round, samples }: { address: string; phase: GatewayPhase; round: number; samples: Samples },
): Promise<string> {
  const common = { url: `${address}${path}`, headers: { ...headers }, connections: phase.connections };
  const most = await drive({ ...common, duration: phase.seconds });
  note(samples, "rate", id, most);
  const rate = most.requests.total / most.duration;
  samples.add("rate", id, round, rate);
  const half = await drive({
    ...common,
    duration: phase.seconds,
    overallRate: Math.max(phase.connections, Math.floor(rate / 2)),
  });
  note(samples, "p50", id, half);
  note(samples, "p99", id, half);
  samples.add("p50", id, round, half.latency.p50);
  samples.add("p99", id, round, half.latency.p99);
  return `${formatNumber(rate)} requests/s; at half of that p50 ${half.latency.p50} ms, p99 ${half.latency.p99} ms`;
}

async function drive(options: Options): Promise<Result> {
  return await autocannon({ ...options, timeout: 5 });
}

function note(samples: Samples, series: string, route: string, result: Result): void {
  const { errors, timeouts, non2xx, requests, statusCodeStats = {} } = result;
  if (errors + timeouts + non2xx > 0 || requests.total === 0) {
    const statuses = Object.entries(statusCodeStats).map(([status, { count = 0 }]) => `${count} with ${status}`);
    const counts = `${errors} requests failed, ${timeouts} of them by time; answers: ${statuses.join(", ")}`;
    samples.fail(series, route, counts);
  }
}

async function post<Body>(url: string, token: string | undefined, body: unknown): Promise<Body> {
  const response = await fetch(url, {
    method: "POST",
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
