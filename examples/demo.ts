/*
 * The tour (npm run demo): a person signs up, imports a coffee shop, simulates it at ten times real time, watches it live,
 * triples the load half way, and reads what broke. Everything goes through the gateway, as any client would do it.
 *
 * It uses the system that is running, or starts one of its own on other ports and stops it again. The project and the
 * account that it made are deleted at the end.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Frame, type Results, renderFrame, renderReport } from "./demo-screen.ts";

const speed = 10;
const durationSeconds = 200;
const secondLoad = 3;
const ownPortOffset = 20_000;

interface System {
  readonly address: string;
  stop(): Promise<void>;
}

const system = await findOrStart();
try {
  await tour(system.address);
} finally {
  await system.stop();
}

async function tour(address: string): Promise<void> {
  const name = `demo-${Math.random().toString(36).slice(2, 8)}`;
  const password = `${name}-${Math.random().toString(36).slice(2)}`;
  say(`1. Sign up as ${name}`);
  const signedUp = await call<{ accessToken: string }>(address, "POST", "/api/auth/signup", undefined, {
    username: name,
    email: `${name}@example.org`,
    password,
  });
  const token = signedUp.accessToken;

  say("2. Import examples/coffee-shop.weft.yaml");
  const content = await readFile(new URL("coffee-shop.weft.yaml", import.meta.url), "utf8");
  const { project, findings } = await call<{
    project: { id: string; architecture: { components: unknown[]; links: unknown[] } };
    findings: { severity: string; message: string }[];
  }>(address, "POST", "/api/projects:import", token, { name: "Coffee shop", format: "WEFT", content });
  const { components, links } = project.architecture;
  say(`   ${components.length} components, ${links.length} links, ${findings.length} findings`);

  try {
    say(`3. Simulate ${durationSeconds} s of it, ${speed} times as fast as real time`);
    const simulation = await call<{ id: string; channel: string }>(
      address,
      "POST",
      `/api/projects/${project.id}/simulations`,
      token,
      { durationSeconds, speed, seed: 42 },
    );
    await watch(address, token, simulation);
    const results = await call<Results>(address, "GET", `/api/simulations/${simulation.id}/results`, token);
    say(renderReport(results));
    say(`   Next: the API at ${address}/ and in services/gateway/README.md; what runs with "npx weft status"`);
  } finally {
    await call(address, "DELETE", `/api/projects/${project.id}`, token);
    await call(address, "DELETE", "/api/auth/profile", token, { password });
  }
}

/** Shows frames until the run has ended, and triples the load at its middle. */
async function watch(address: string, token: string, simulation: { id: string; channel: string }): Promise<void> {
  const socket = new WebSocket(`${address.replace(/^http/, "ws")}/ws`, "weft.v1");
  const ended = Promise.withResolvers<void>();
  let raised = false;
  let drawnAt = 0;
  let lines = 0;
  socket.addEventListener("open", () => send(socket, { id: 1, connect: { token } }));
  socket.addEventListener("error", () => ended.reject(new Error("the WebSocket failed")));
  socket.addEventListener("close", ({ code, reason }) =>
    ended.reject(new Error(`the WebSocket closed: ${code} ${reason}`)),
  );
  socket.addEventListener("message", ({ data }) => {
    const frame = JSON.parse(String(data)) as { id?: number; error?: { message: string }; push?: { data: Frame } };
    if (frame.error !== undefined) {
      ended.reject(new Error(frame.error.message));
    } else if (frame.id === 1) {
      send(socket, { id: 2, subscribe: { channel: simulation.channel } });
    } else if (frame.push !== undefined) {
      const live = frame.push.data;
      if (!raised && live.simulatedSeconds >= durationSeconds / 2) {
        raised = true;
        call(address, "POST", `/api/simulations/${simulation.id}:load`, token, { load: secondLoad }).catch(
          ended.reject,
        );
      }
      const interactive = process.stdout.isTTY;
      if (performance.now() - drawnAt > (interactive ? 200 : 2000) || live.status === "COMPLETED") {
        drawnAt = performance.now();
        const screen = renderFrame(live, process.stdout.columns ?? 100);
        process.stdout.write(interactive && lines > 0 ? `\x1b[${lines}A\x1b[J${screen}` : screen);
        lines = screen.split("\n").length - 1;
      }
      if (["COMPLETED", "STOPPED", "FAILED"].includes(live.status)) {
        ended.resolve();
      }
    }
  });
  // A run that ended before the subscription began tells nobody: ask as well.
  const poll = setInterval(() => {
    call<{ status: string }>(address, "GET", `/api/simulations/${simulation.id}`, token).then(({ status }) => {
      if (["COMPLETED", "STOPPED", "FAILED"].includes(status)) {
        ended.resolve();
      }
    }, ended.reject);
  }, 1000);
  try {
    await ended.promise;
  } finally {
    clearInterval(poll);
    socket.close();
  }
}

async function call<Answer>(
  address: string,
  method: string,
  path: string,
  token?: string,
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(`${address}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer: unknown = await response.json();
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${(answer as { message?: string }).message ?? ""}`);
  }
  return answer as Answer;
}

async function findOrStart(): Promise<System> {
  const running = `http://127.0.0.1:${8000 + Number(process.env.WEFT_PORT_OFFSET ?? 0)}`;
  if (await isReady(running)) {
    say(`Using the system at ${running}`);
    return { address: running, stop: () => Promise.resolve() };
  }
  say("No system is running; starting one for the tour …");
  const data = await mkdtemp(join(tmpdir(), "weft-demo-"));
  const child = spawn("weft", ["up"], {
    env: { ...process.env, WEFT_PORT_OFFSET: String(ownPortOffset), WEFT_STATE_DIR: data },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const address = `http://127.0.0.1:${8000 + ownPortOffset}`;
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(data, { recursive: true, force: true });
  };
  const deadline = performance.now() + 120_000;
  while (!(await isReady(address))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await stop();
      throw new Error("the system did not become ready; what it printed above says why");
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return { address, stop };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) {
    child.kill("SIGTERM");
    await once(child, "exit");
  }
}

async function isReady(address: string): Promise<boolean> {
  try {
    return (await fetch(`${address}/readyz`)).ok;
  } catch {
    return false;
  }
}

function send(socket: WebSocket, frame: unknown): void {
  socket.send(JSON.stringify(frame));
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
