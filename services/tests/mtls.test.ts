import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { type ClientRequest, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { connect, type SecureContextOptions } from "node:tls";
import { Code, type ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { errorReason } from "@weft/mesh";
import { createAuthority, issueCertificate } from "@weft/mesh/certificates";
import { until } from "@weft/mesh/testing";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Account, openLive, rest, type System, signUp, startSystem } from "./system.ts";
import { failed, flows, traffic } from "./traffic.ts";

/*
 * The whole system with WEFT_MTLS=on: people notice nothing, services know each other, and nobody else gets in.
 *
 * Connections are asked to come anew every two seconds instead of every half hour, so that new ones are made all the time,
 * and renewed certificates come into use while the test looks.
 */

const ports = { "auth-service": 9000, "user-service": 12_000, "project-service": 10_000, "simulation-service": 11_000 };
const allPorts = { ...ports, "gateway-service": 8000 };

let system: System;
let owner: Account;

beforeAll(async () => {
  system = await startSystem({ env: { WEFT_MTLS: "on", WEFT_CERTS_DIR: "", WEFT_MAX_CONNECTION_AGE: "2s" } });
  owner = await signUp(system);
});

afterAll(() => system?.stop());

const portOf = (service: keyof typeof allPorts, offset: number) => allPorts[service] + offset + system.portOffset;

/** What a service proves itself with; the folder is where `weft up` makes it. */
async function credentialsOf(service: string): Promise<SecureContextOptions> {
  const folder = join(system.env.WEFT_STATE_DIR as string, "certs");
  const [ca, cert, key] = await Promise.all(
    ["ca.pem", `${service}.pem`, `${service}.key`].map((name) => readFile(join(folder, name), "utf8")),
  );
  return { ca, cert, key } as SecureContextOptions;
}

/** A gRPC client as anybody could write it, on an RPC port over TLS. */
function grpc(service: keyof typeof ports, credentials: SecureContextOptions): Transport {
  return createGrpcTransport({
    baseUrl: `https://127.0.0.1:${portOf(service, 0)}`,
    nodeOptions: credentials,
    defaultTimeoutMs: 60_000,
  });
}

/** What a request is answered with; rejects when there is no answer. */
async function answerTo(request: ClientRequest): Promise<{ status: number | undefined; text: string }> {
  request.setTimeout(60_000, () => request.destroy(new Error("no answer")));
  request.end();
  const [response] = await once(request, "response");
  response.setEncoding("utf8");
  return { status: response.statusCode, text: (await response.toArray()).join("") };
}

const plain = (port: number, path: string) => answerTo(httpRequest({ host: "127.0.0.1", port, path, agent: false }));

const secure = (port: number, path: string, credentials: SecureContextOptions) =>
  answerTo(httpsRequest({ host: "127.0.0.1", port, path, agent: false, ...credentials }));

describe("with mTLS on, the main job", () => {
  it("is done as before: sign up, make a project, simulate it, watch it live, read the results", async () => {
    const token = owner.accessToken;
    const project = await rest<{ id: string }>(system, "POST", "/api/projects", {
      token,
      body: { name: "behind mTLS", templateId: "web-shop" },
    });
    expect(project.status, JSON.stringify(project.body)).toBe(200);
    const started = await rest<{ id: string }>(system, "POST", `/api/projects/${project.body.id}/simulations`, {
      token,
      body: { durationSeconds: 20, speed: 20, seed: 7 },
    });
    expect(started.status, JSON.stringify(started.body)).toBe(200);
    const live = await openLive(system);
    live.send({ id: 1, connect: { token } });
    live.send({ id: 2, subscribe: { channel: `simulation:${started.body.id}` } });
    await live.frame("the last frame", (frame) => frame.push?.data.status === "COMPLETED");
    live.close();
    const path = `/api/simulations/${started.body.id}/results`;
    expect((await rest<{ completed: number }>(system, "GET", path, { token })).body.completed).toBeGreaterThan(100);
    expect((await rest(system, "GET", "/api/auth/profile", { token })).body).toMatchObject({ id: owner.user.id });
    expect((await rest(system, "GET", "/readyz")).status).toBe(200);
  });
});

describe("a client without a certificate of ours", () => {
  it.each(Object.keys(ports) as (keyof typeof ports)[])("reaches neither gRPC nor REST of %s", async (service) => {
    const { ca, cert, key } = await credentialsOf("gateway-service");
    const validity = {
      notBeforeMs: Date.now() - 60_000,
      notAfterMs: Date.now() + 3_600_000,
      random: { id: () => "7" },
    };
    const stranger = createAuthority({ trustDomain: "weft.local", ...validity });
    const id = { trustDomain: "weft.local", service: "gateway-service" };
    const forged = issueCertificate({ authority: stranger, id, hosts: ["127.0.0.1"], ...validity });
    const without = [{ ca }, { ca, cert: forged.certPem, key: forged.keyPem }] as SecureContextOptions[];
    for (const port of [portOf(service, 0), portOf(service, 1)]) {
      await expect(plain(port, "/readyz")).rejects.toThrow();
      for (const credentials of without) {
        await expect(secure(port, "/readyz", credentials)).rejects.toThrow();
      }
      // The same question of somebody who belongs here: it was the certificate that was missing.
      expect((await secure(port, "/readyz", { ca, cert, key })).status).toBeDefined();
    }
    for (const credentials of without) {
      const users = createClient(UserService, grpc(service, credentials));
      await expect(users.validateUserExists({ userId: "1" })).rejects.toThrow();
    }
  });

  it("reaches metrics and health in plain text, of every instance", async () => {
    for (const service of Object.keys(allPorts) as (keyof typeof allPorts)[]) {
      expect((await plain(portOf(service, 2), "/metrics")).text).toContain("weft_");
      expect((await plain(portOf(service, 3), "/readyz")).status).toBe(200);
    }
  });
});

describe("a service that the policy does not name", () => {
  it("gets PERMISSION_DENIED with the reason CALLER_NOT_ALLOWED, where another is answered", async () => {
    const call = async (as: string): Promise<unknown> =>
      await createClient(AuthService, grpc("auth-service", await credentialsOf(as))).listGrants({
        userId: owner.user.id,
      });
    await expect(call("simulation-service")).resolves.toHaveProperty("grants");
    const refusal = (await call("gateway-service").catch((error: unknown) => error)) as ConnectError;
    expect([refusal.code, errorReason(refusal)]).toEqual([Code.PermissionDenied, "CALLER_NOT_ALLOWED"]);
  });

  it("gets no further by REST", async () => {
    const path = `/api/users/${owner.user.id}`;
    const answer = await secure(portOf("user-service", 1), path, await credentialsOf("project-service"));
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("CALLER_NOT_ALLOWED");
    const allowed = await secure(portOf("user-service", 1), path, await credentialsOf("gateway-service"));
    expect(allowed.status).toBe(401);
  });
});

describe("the command line", () => {
  const userExists = (...args: string[]) =>
    system.weft("call", "AuthService/ListGrants", JSON.stringify({ userId: owner.user.id }), ...args);

  it("calls as a service, and says what to do when none was named or the wrong one", async () => {
    const [allowed, refused, anonymous] = await Promise.all([
      userExists("--as", "simulation"),
      userExists("--as", "gateway"),
      userExists(),
    ]);
    expect(allowed).toMatchObject({ code: 0, stderr: "" });
    expect(refused.stderr).toMatch(/permission_denied: .*\n +reason CALLER_NOT_ALLOWED.*caller=gateway-service/);
    expect(anonymous.stderr).toMatch(/\(mTLS is on\), and this call has no identity\nnext: +.*--as <service>/);
    expect([refused.code, anonymous.code]).toEqual([1, 1]);
  });

  it("calls the gateway without being a service", async () => {
    const { code, stdout } = await system.weft(
      ...["call", "ProjectService/ListTemplates", "{}", "--instance", "gateway"],
      ...["--header", `authorization=Bearer ${owner.accessToken}`],
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout).templates.length).toBeGreaterThan(0);
  });

  it("shows state and load of every instance", async () => {
    const [status, top] = await Promise.all([
      system.weft("status", "--json"),
      system.weft("top", "--once", "--json", "--interval", "300ms"),
    ]);
    expect(status).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(status.stdout)).toMatchObject({ up: true });
    const { instances } = JSON.parse(top.stdout) as { instances: { service: string; unreachable: unknown }[] };
    expect(instances.map(({ service }) => service).sort()).toEqual(Object.keys(allPorts).sort());
    expect(instances.every(({ unreachable }) => unreachable === null)).toBe(true);
  });
});

describe("certificates renewed under load", () => {
  /** The serial number of what a port presents to those who connect now. */
  async function presented(service: keyof typeof ports): Promise<string | undefined> {
    const socket = connect({
      host: "127.0.0.1",
      port: portOf(service, 0),
      ...(await credentialsOf("gateway-service")),
    });
    await once(socket, "secureConnect");
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  }

  const names = Object.keys(ports) as (keyof typeof ports)[];

  async function metric(service: keyof typeof allPorts, line: RegExp): Promise<number> {
    const { text } = await plain(portOf(service, 2), "/metrics");
    return [...text.matchAll(new RegExp(line, "gm"))].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** Connections that the gateway has opened to its peers so far. */
  const connectionsMade = () => metric("gateway-service", /^weft_pool_connect_duration_seconds_count\{.*\} (\d+)/);

  it("cost no call, and new connections use them", async () => {
    const token = owner.accessToken;
    const project = await rest<{ id: string }>(system, "POST", "/api/projects", { token, body: { name: "renewed" } });
    const steady = { concurrency: 2, pauseMs: 20 };
    const loads = [
      traffic(() => rest(system, "GET", "/api/auth/profile", { token }), steady),
      traffic(() => rest(system, "GET", `/api/projects/${project.body.id}`, { token }), steady),
      traffic(() => rest(system, "POST", "/api/projects", { token, body: { name: "meanwhile" } }), steady),
    ];
    await Promise.all(loads.map((load) => flows(load)));
    const before = await Promise.all(names.map(presented));

    expect(await system.weft("certs", "--renew")).toMatchObject({ code: 0, stderr: "" });
    await until("every service presents its new certificate", async () => {
      const now = await Promise.all(names.map(presented));
      return now.every((serial, index) => serial !== before[index]);
    });
    await until(
      "the gateway has its new one",
      async () => (await metric("gateway-service", /^weft_tls_reloads_total\{.*outcome="ok".*\} (\d+)/)) > 0,
    );
    const made = await connectionsMade();
    await until(
      "connections were made anew, by the age of the old ones",
      async () => (await connectionsMade()) > made + 20,
    );
    await Promise.all(loads.map((load) => flows(load)));

    expect(failed((await Promise.all(loads.map((load) => load.stop()))).flat())).toEqual([]);
    for (const service of names) {
      expect(await metric(service, /^weft_tls_reloads_total\{.*outcome="refused".*\} (\d+)/), service).toBe(0);
    }
  });
});
