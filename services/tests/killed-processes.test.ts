import { faultsOfHistory, until } from "@weft/mesh/testing";
import {
  freePort,
  startTestPostgres,
  startTestRedis,
  type TestPostgres,
  type TestStore,
  testRedisKinds,
} from "@weft/mesh/testing/stores";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { HistoryReader, publishedOf } from "./history-reader.ts";
import { type Account, type LiveClient, openLive, rest, type System, signUp, startSystem } from "./system.ts";

/*
 * Processes that are killed with -9 under people who follow a project, with the client that others are given: gateways,
 * project services and Redis of a whole system. Each reader keeps its history, and `faultsOfHistory` judges it. Two gateway
 * processes share one public port, as they would on a machine of a deployment.
 *
 * While only services die, fewer changes are made than a channel remembers, so nothing depends on how fast anybody is.
 */

let redis: TestStore;
let postgres: TestPostgres;
let system: System;
/** The port that both gateways listen on. */
let front: { readonly address: string };
let account: Account;
const readers: HistoryReader[] = [];
const lives: LiveClient[] = [];

beforeAll(async () => {
  const port = await freePort();
  [redis, postgres] = await Promise.all([startTestRedis(testRedisKinds[0] ?? "js"), startTestPostgres()]);
  system = await startSystem({
    args: ["--instances", "gateway-service=2,project-service=2"],
    env: {
      REDIS_URL: redis.url,
      DATABASE_URL: postgres.url,
      PUBLIC_PORT: String(port),
      WEFT_PUBLIC_PORT_SHARED: "true",
      WEFT_WS_CONNECTIONS_PER_USER: "1000",
    },
  });
  front = { address: `http://127.0.0.1:${port}` };
  account = await signUp(front);
});

afterEach(() => {
  for (const reader of readers.splice(0)) {
    reader.close();
  }
  for (const live of lives.splice(0)) {
    live.close();
  }
});

afterAll(async () => {
  await system?.stop();
  await Promise.all([redis?.close(), postgres?.close()]);
});

interface Process {
  readonly service: string;
  readonly instance: number;
  readonly pid: number | null;
  readonly healthPort: number;
}

async function processesOf(service: string): Promise<readonly Process[]> {
  const { services } = (await system.record()) as { services: readonly Process[] };
  return services.filter((one) => one.service === service);
}

/** Ends a process with a signal, and waits until another is ready in its place. */
async function replace({ service, instance, pid, healthPort }: Process, signal: NodeJS.Signals): Promise<void> {
  process.kill(pid as number, signal);
  await until(`another process is ${service} ${instance}`, async () => {
    const successor = (await processesOf(service)).find((one) => one.instance === instance)?.pid ?? null;
    return successor !== null && successor !== pid;
  });
  await until(
    `${service} ${instance} is ready`,
    async () => (await fetch(`http://127.0.0.1:${healthPort}/readyz`).catch(() => undefined))?.status === 200,
  );
}

/** A figure of each gateway: its samples added up. */
function figureOf(metric: string): Promise<number[]> {
  return Promise.all(
    [0, 1].map(async (instance) => {
      const port = 8002 + system.portOffset + 5 * instance;
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
      const samples = (await answer?.text())?.matchAll(new RegExp(`^${metric}(?:{.*})? (\\S+)$`, "gm")) ?? [];
      return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
    }),
  );
}

/** Opens something on the shared port until each gateway has a connection. */
async function spread(open: () => Promise<void>): Promise<void> {
  const connections = () => figureOf("weft_gateway_ws_connections");
  await until("those of before are gone", async () => (await connections()).every((count) => count === 0));
  await until("each gateway has one", async () => {
    await open();
    return (await connections()).every((count) => count > 0);
  });
}

/** Changes one project after the other, and remembers what the answers said. */
class Author {
  readonly acknowledged: number[] = [];
  readonly #path: string;
  #made = 0;

  constructor(project: string) {
    this.#path = `/api/projects/${project}`;
  }

  /** Repeats itself until a change is acknowledged. Gives its version. */
  async change(): Promise<number> {
    for (;;) {
      this.#made += 1;
      const options = { token: account.accessToken, body: { name: `change ${this.#made}` } };
      const answer = await rest<{ version: number }>(front, "PATCH", this.#path, options).catch(() => undefined);
      if (answer?.status === 200) {
        this.acknowledged.push(answer.body.version);
        return answer.body.version;
      }
    }
  }

  /** Makes `most` changes, fewer when it is told to stop. */
  keepChanging(most: number): { readonly finished: Promise<void>; stop(): Promise<void> } {
    let stopped = false;
    const finished = (async () => {
      for (let made = 0; made < most && !stopped; made += 1) {
        await this.change();
      }
    })();
    return {
      finished,
      stop: () => {
        stopped = true;
        return finished;
      },
    };
  }
}

async function makeProject(): Promise<string> {
  const options = { token: account.accessToken, body: { name: "followed" } };
  return (await rest<{ id: string }>(front, "POST", "/api/projects", options)).body.id;
}

/** With a login of its own, so that none is given what was read for another. */
async function openReader(project: string): Promise<void> {
  const body = { login: account.user.username, password: account.password };
  const { accessToken } = (await rest<Account>(front, "POST", "/api/auth/login", { body })).body;
  const reader = new HistoryReader({ ...front, project, token: accessToken });
  readers.push(reader);
  await until("it has loaded the project", () => reader.loads > 0);
}

/** Makes a change more, and waits until all know of it and have come to the end of the channel. */
async function allHear(author: Author): Promise<void> {
  const version = await author.change();
  await until("all have come to the end", () => {
    const end = publishedOf(readers).at(-1)?.position;
    return readers.every(
      ({ position, knows }) => knows(version) && position?.epoch === end?.epoch && position?.offset === end?.offset,
    );
  });
}

/** What is wrong with what the readers were told, at the end of the channel. */
function faults(author: Author): string[] {
  const published = publishedOf(readers);
  return readers.flatMap((reader, index) => [
    ...faultsOfHistory(published, reader.events).map((fault) => `reader ${index}: ${fault}`),
    ...author.acknowledged
      .filter((version) => !reader.knows(version))
      .map((version) => `reader ${index}: never learned of version ${version}, which was acknowledged`),
  ]);
}

describe("who follows a project", () => {
  it("loses nothing and hears nothing twice or out of order when gateways and project services are killed", async () => {
    const project = await makeProject();
    await spread(() => openReader(project));
    const author = new Author(project);
    for (const instance of [0, 1]) {
      const heard = readers.map((reader) => reader.heard.length);
      const changing = author.keepChanging(60);
      await until("it is mid-stream", () => readers.every((reader, at) => reader.heard.length > (heard[at] ?? 0) + 3));
      const killed = await Promise.all(["gateway-service", "project-service"].map(processesOf));
      await Promise.all(killed.map((both) => replace(both[instance] as Process, "SIGKILL")));
      await changing.finished;
    }
    await allHear(author);
    expect(faults(author)).toEqual([]);
    // Nobody had to load the project again: all that was missed was recovered.
    expect(readers.map(({ loads }) => loads)).toEqual(readers.map(() => 1));
  }, 300_000);

  it("is told that something is missing when Redis is killed, loads it, and goes on", async () => {
    const project = await makeProject();
    await spread(() => openReader(project));
    const author = new Author(project);
    await allHear(author);
    const changing = author.keepChanging(Number.POSITIVE_INFINITY);
    await until("it is mid-stream", () => readers.every(({ heard }) => heard.length > 10));
    await redis.stop();
    const before = author.acknowledged.length;
    await until("changes are made without it", () => author.acknowledged.length > before + 3);
    await redis.start();
    await until("all have loaded the project again", () => readers.every(({ loads }) => loads > 1));
    await changing.stop();
    await allHear(author);
    expect(faults(author)).toEqual([]);
  }, 300_000);
});

describe("two gateway processes on one public port", () => {
  const ask = async () => (await fetch(`${front.address}/`, { headers: { connection: "close" } })).status;

  it("both serve, and when one is killed the other does", async () => {
    const before = await figureOf("weft_gateway_requests_total");
    await until("each has answered", async () => {
      expect(await ask()).toBe(200);
      return (await figureOf("weft_gateway_requests_total")).every((count, at) => count > (before[at] ?? 0));
    });
    const [first] = await processesOf("gateway-service");
    const replaced = replace(first as Process, "SIGKILL");
    await until("it has gone", async () => (await processesOf("gateway-service"))[0]?.pid !== first?.pid);
    for (let time = 0; time < 20; time += 1) {
      expect(await ask()).toBe(200);
    }
    await replaced;
  }, 300_000);

  it("when one is asked to stop, its connections are told when to come back, and the other's go on", async () => {
    await spread(async () => {
      const live = await openLive(front);
      lives.push(live);
      live.send({ id: 1, connect: { token: account.accessToken } });
      await live.frame("a welcome", (frame) => "connected" in frame);
    });
    const [, second] = await processesOf("gateway-service");
    await replace(second as Process, "SIGTERM");
    const closed = lives.filter((live) => live.closed !== undefined);
    expect(closed.length).toBeGreaterThan(0);
    expect(closed.length).toBeLessThan(lives.length);
    for (const { frames, closed: end } of closed) {
      expect(frames).toContainEqual({ notice: { code: "draining", reconnectAfterMs: expect.any(Number) } });
      expect(end).toEqual({ code: 1012, reason: "draining" });
    }
    for (const live of lives.filter((one) => one.closed === undefined)) {
      live.send({ id: 2, ping: {} });
      await live.frame("an answer", (frame) => frame.id === 2 && "pong" in frame);
    }
  }, 300_000);
});
