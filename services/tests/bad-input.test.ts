import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Account, openLive, rest, type System, signUp, startSystem } from "./system.ts";

/*
 * Bad input at every public call: what is refused, with which status, and which field the answer names. One row is one
 * way to be wrong. No row may end in a 500, and none may leave anything behind.
 */

let system: System;
let account: Account;
let project: string;
let simulation: string;

beforeAll(async () => {
  system = await startSystem();
  account = await signUp(system);
  const { accessToken: token } = account;
  const made = await rest<{ id: string }>(system, "POST", "/api/projects", {
    token,
    body: { name: "good", templateId: "web-shop" },
  });
  project = made.body.id;
  const run = await rest<{ id: string }>(system, "POST", `/api/projects/${project}/simulations`, {
    token,
    body: { durationSeconds: 1 },
  });
  simulation = run.body.id;
});

afterAll(() => system?.stop());

interface Row {
  readonly what: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly status: number;
  readonly code: string;
  /** Fields that the answer must name. */
  readonly fields?: readonly string[];
  readonly anonymous?: boolean;
}

const client = { id: "users", kind: "client" };
const api = { id: "api", kind: "service" };
const link = { from: "users", to: "api" };
const load = { component: "users", kind: "poisson", ratePerSecond: 10 };
const architecture = { components: [client, api], links: [link], workloads: [load] };
const strongPassword = "correct horse battery";
const invalid = { status: 400, code: "invalid_argument" };

const signup = (what: string, body: Record<string, unknown>, ...fields: string[]): Row => ({
  what,
  method: "POST",
  path: "/api/auth/signup",
  body: { username: "somebody", email: "somebody@example.org", password: strongPassword, ...body },
  ...invalid,
  fields,
  anonymous: true,
});

const create = (what: string, body: unknown, ...fields: string[]): Row => ({
  what,
  method: "POST",
  path: "/api/projects",
  body,
  ...invalid,
  fields,
});

const simulate = (what: string, body: unknown, ...fields: string[]): Row => ({
  what,
  method: "POST",
  path: "/api/projects/:project/simulations",
  body,
  ...invalid,
  fields,
});

const importing = (what: string, body: Record<string, unknown>, ...fields: string[]): Row => ({
  what,
  method: "POST",
  path: "/api/projects:import",
  body: { name: "imported", format: "COMPOSE", content: "services: {a: {image: b}}", ...body },
  ...invalid,
  fields,
});

const rows: readonly Row[] = [
  signup("a short username", { username: "ab" }, "username"),
  signup("a username with a space", { username: "a b c" }, "username"),
  signup("no address", { email: "nobody" }, "email"),
  signup("a short password", { password: "1234567" }, "password"),
  signup("a password beyond the limit", { password: "x".repeat(257) }, "password"),
  signup("everything at once", { username: "", email: "", password: "" }, "username", "email", "password"),
  signup("an unknown field", { admin: true }, "admin"),
  signup("a server-owned field", { id: "1" }, "id"),
  signup("a number where a text belongs", { username: 7 }, "username"),
  {
    what: "a login without password",
    method: "POST",
    path: "/api/auth/login",
    body: { login: "x" },
    ...invalid,
    fields: ["password"],
    anonymous: true,
  },
  {
    what: "a login that nobody has",
    method: "POST",
    path: "/api/auth/login",
    body: { login: "nobody", password: strongPassword },
    status: 401,
    code: "unauthenticated",
    anonymous: true,
  },
  {
    what: "a refresh token that is none",
    method: "POST",
    path: "/api/auth/refresh",
    body: { refreshToken: "x" },
    status: 401,
    code: "unauthenticated",
    anonymous: true,
  },
  {
    what: "an empty refresh token",
    method: "POST",
    path: "/api/auth/refresh",
    body: {},
    ...invalid,
    fields: ["refreshToken"],
    anonymous: true,
  },
  {
    what: "a logout without token",
    method: "POST",
    path: "/api/auth/logout",
    body: {},
    ...invalid,
    fields: ["refreshToken"],
    anonymous: true,
  },
  {
    what: "a profile without token",
    method: "GET",
    path: "/api/auth/profile",
    status: 401,
    code: "unauthenticated",
    anonymous: true,
  },
  {
    what: "a profile with a forged token",
    method: "GET",
    path: "/api/auth/profile",
    headers: { authorization: "Bearer a.b.c" },
    status: 401,
    code: "unauthenticated",
    anonymous: true,
  },
  {
    what: "a bad address in a profile",
    method: "PUT",
    path: "/api/auth/profile",
    body: { email: "x" },
    ...invalid,
    fields: ["email"],
  },
  {
    what: "an account deleted with a wrong password",
    method: "DELETE",
    path: "/api/auth/profile",
    body: { password: "wrong" },
    status: 403,
    code: "permission_denied",
    fields: ["password"],
  },
  {
    what: "somebody else's user",
    method: "GET",
    path: "/api/users/00000000-0000-4000-8000-000000000000",
    status: 403,
    code: "permission_denied",
  },

  create("a project without name", {}, "name"),
  create("a name beyond the limit", { name: "x".repeat(201) }, "name"),
  create("a description beyond the limit", { name: "x", description: "x".repeat(5001) }, "description"),
  create(
    "an unknown kind",
    { name: "x", architecture: { components: [{ id: "a", kind: "toaster" }] } },
    "architecture.components[0].kind",
  ),
  create(
    "a bad component id",
    { name: "x", architecture: { components: [{ id: "A B", kind: "service" }] } },
    "architecture.components[0].id",
  ),
  create(
    "two components with one id",
    { name: "x", architecture: { components: [api, api] } },
    "architecture.components[1].id",
  ),
  create(
    "a link to nowhere",
    { name: "x", architecture: { ...architecture, links: [{ from: "users", to: "nowhere" }] } },
    "architecture.links[0].to",
  ),
  create(
    "a circle",
    {
      name: "x",
      architecture: {
        components: [client, api, { id: "b", kind: "service" }],
        links: [link, { from: "api", to: "b" }, { from: "b", to: "api" }],
        workloads: [load],
      },
    },
    "architecture.links",
  ),
  create(
    "a negative rate",
    { name: "x", architecture: { ...architecture, workloads: [{ ...load, ratePerSecond: -1 }] } },
    "architecture.workloads[0].ratePerSecond",
  ),
  create(
    "no instance",
    { name: "x", architecture: { ...architecture, components: [client, { ...api, instances: 0 }] } },
    "architecture.components[1].instances",
  ),
  create(
    "an impossible share",
    { name: "x", architecture: { ...architecture, components: [client, { ...api, errorRatio: 1.5 }] } },
    "architecture.components[1].errorRatio",
  ),
  create(
    "a text as a number",
    { name: "x", architecture: { components: [{ ...api, instances: "many" }] } },
    "architecture.components[0].instances",
  ),
  create("a template and an architecture", { name: "x", architecture, templateId: "web-shop" }, "templateId"),
  create("a prototype", '{"name":"x","__proto__":{"admin":true}}', "__proto__"),
  {
    what: "an unknown template",
    method: "POST",
    path: "/api/projects",
    body: { name: "x", templateId: "none" },
    status: 404,
    code: "not_found",
  },
  { what: "a project that is not there", method: "GET", path: "/api/projects/none", status: 404, code: "not_found" },
  { what: "an endless page", method: "GET", path: "/api/projects?pageSize=201", ...invalid, fields: ["pageSize"] },
  { what: "a page size in words", method: "GET", path: "/api/projects?pageSize=all", ...invalid, fields: ["pageSize"] },
  {
    what: "a page token of another's making",
    method: "GET",
    path: "/api/projects?pageToken=abc",
    ...invalid,
    fields: ["pageToken"],
  },
  { what: "an unknown query parameter", method: "GET", path: "/api/projects?sort=name", ...invalid, fields: ["sort"] },
  {
    what: "an empty name",
    method: "PATCH",
    path: "/api/projects/:project",
    body: { name: "" },
    ...invalid,
    fields: ["name"],
  },
  {
    what: "a version before the first",
    method: "PATCH",
    path: "/api/projects/:project",
    body: { expectedVersion: 0 },
    ...invalid,
    fields: ["expectedVersion"],
  },
  {
    what: "a member without a name",
    method: "POST",
    path: "/api/projects/:project/members",
    body: { role: "viewer" },
    ...invalid,
  },
  {
    what: "a role that there is not",
    method: "POST",
    path: "/api/projects/:project/members",
    body: { username: "x", role: "king" },
    ...invalid,
    fields: ["role"],
  },
  {
    what: "a member that nobody knows",
    method: "POST",
    path: "/api/projects/:project/members",
    body: { username: "nobody-at-all", role: "viewer" },
    status: 404,
    code: "not_found",
  },
  {
    what: "a version that is not there",
    method: "POST",
    path: "/api/projects/:project/versions/99:restore",
    status: 404,
    code: "not_found",
  },
  {
    what: "a version that is no number",
    method: "POST",
    path: "/api/projects/:project/versions/one:restore",
    ...invalid,
    fields: ["version"],
  },
  {
    what: "an unknown export",
    method: "GET",
    path: "/api/projects/:project:export?format=VISIO",
    ...invalid,
    fields: ["format"],
  },
  importing("an unknown format", { format: "VISIO" }, "format"),
  importing("no content", { content: "" }, "content"),
  importing("content that is no YAML", { content: "a: [" }, "content"),
  importing("a file without services", { content: "version: '3'" }, "content"),
  importing(
    "an alias bomb",
    {
      content: `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 12 }, (_, i) => `${"bcdefghijklm"[i]}: &${"bcdefghijklm"[i]} [*${"abcdefghijkl"[i]},*${"abcdefghijkl"[i]},*${"abcdefghijkl"[i]},*${"abcdefghijkl"[i]},*${"abcdefghijkl"[i]}]`).join("\n")}\nservices: *m`,
    },
    "content",
  ),
  importing("content beyond the limit", { content: "x".repeat(1_048_577) }, "content"),

  simulate("no duration", {}, "durationSeconds"),
  simulate("a negative duration", { durationSeconds: -1 }, "durationSeconds"),
  simulate("a duration beyond the limit", { durationSeconds: 86_401 }, "durationSeconds"),
  simulate("a duration that is not finite", '{"durationSeconds":"Infinity"}', "durationSeconds"),
  simulate("a negative speed", { durationSeconds: 1, speed: -1 }, "speed"),
  simulate("a negative load", { durationSeconds: 1, load: -1 }, "load"),
  simulate("a seed that is no whole number", { durationSeconds: 1, seed: 1.5 }, "seed"),
  simulate("more events than anybody waits for", { durationSeconds: 86_400, load: 10_000 }, "durationSeconds"),
  {
    what: "an empty project",
    method: "POST",
    path: "/api/projects/:empty/simulations",
    body: { durationSeconds: 1 },
    status: 400,
    code: "failed_precondition",
  },
  {
    what: "a simulation that is not there",
    method: "GET",
    path: "/api/simulations/none",
    status: 404,
    code: "not_found",
  },
  {
    what: "an unknown verb",
    method: "POST",
    path: "/api/simulations/:simulation:explode",
    status: 405,
    code: "unimplemented",
  },
  {
    what: "more points than allowed",
    method: "GET",
    path: "/api/simulations/:simulation/metrics?maxPoints=2001",
    ...invalid,
    fields: ["maxPoints"],
  },
  {
    what: "no load",
    method: "POST",
    path: "/api/simulations/:simulation:load",
    body: {},
    ...invalid,
    fields: ["load"],
  },
  {
    what: "a load that is no number",
    method: "POST",
    path: "/api/simulations/:simulation:load",
    body: { load: "high" },
    ...invalid,
    fields: ["load"],
  },
  {
    what: "a change that changes nothing",
    method: "POST",
    path: "/api/simulations/:simulation:change",
    body: { change: {} },
    ...invalid,
    fields: ["change.kind"],
  },
  {
    what: "two changes in one",
    method: "POST",
    path: "/api/simulations/:simulation:change",
    body: { change: { flush: { component: "cache" }, load: { load: 1 } } },
    ...invalid,
  },
  {
    what: "a change that does not say how much",
    method: "POST",
    path: "/api/simulations/:simulation:change",
    body: { change: { errors: { component: "api" } } },
    ...invalid,
    fields: ["change.errors.ratio"],
  },
  simulate(
    "a planned change of a component that there is not",
    { durationSeconds: 1, changes: [{ atSeconds: 0.5, change: { errors: { component: "nothing", ratio: 1 } } }] },
    "changes[0].change.errors.component",
  ),
  simulate(
    "a planned change without a change",
    { durationSeconds: 1, changes: [{ atSeconds: 0.5 }] },
    "changes[0].change",
  ),

  { what: "a body that is no JSON", method: "POST", path: "/api/projects", body: "{", ...invalid },
  { what: "a body that is a list", method: "POST", path: "/api/projects", body: "[]", ...invalid },
  {
    what: "a body of another type",
    method: "POST",
    path: "/api/projects",
    body: "name=x",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    status: 415,
    code: "invalid_argument",
  },
  {
    what: "a body beyond the limit",
    method: "POST",
    path: "/api/projects",
    body: `"${"x".repeat(2_000_000)}"`,
    status: 413,
    code: "resource_exhausted",
  },
  {
    what: "nesting beyond the limit",
    method: "POST",
    path: "/api/projects",
    body: `{"name":${"[".repeat(100)}${"]".repeat(100)}}`,
    ...invalid,
  },
  { what: "a path that is not there", method: "GET", path: "/api/nothing", status: 404, code: "not_found" },
  { what: "a method that is not there", method: "PUT", path: "/api/projects", status: 405, code: "unimplemented" },
  {
    what: "a method for the mesh only",
    method: "POST",
    path: "/auth/verify",
    body: { token: "x" },
    status: 404,
    code: "not_found",
  },
  {
    what: "an RPC for the mesh only",
    method: "POST",
    path: "/weft.auth.v1.AuthService/GrantRole",
    body: {},
    status: 404,
    code: "not_found",
  },
];

describe("bad input", () => {
  let empty: string;

  beforeAll(async () => {
    const made = await rest<{ id: string }>(system, "POST", "/api/projects", {
      token: account.accessToken,
      body: { name: "empty" },
    });
    empty = made.body.id;
  });

  it.each(rows)("$method $path: $what", async ({ method, path, body, headers, status, code, fields, anonymous }) => {
    const answer = await rest<{
      code: string;
      message: string;
      details: { fieldViolations?: { field: string; description: string }[] }[];
    }>(system, method, path.replace(":project", project).replace(":simulation", simulation).replace(":empty", empty), {
      ...(anonymous === true ? {} : { token: account.accessToken }),
      ...(body === undefined ? {} : { body }),
      ...(headers === undefined ? {} : { headers }),
    });
    expect({ status: answer.status, code: answer.body.code }, JSON.stringify(answer.body).slice(0, 500)).toEqual({
      status,
      code,
    });
    expect(answer.body.message.length).toBeGreaterThan(0);
    const named = answer.body.details.flatMap((detail) => detail.fieldViolations ?? []);
    for (const field of fields ?? []) {
      expect(named.map((violation) => violation.field)).toContainEqual(expect.stringContaining(field));
    }
    expect(named.every(({ description }) => description.length > 0)).toBe(true);
    expect(answer.headers.get("x-correlation-id")).not.toBeNull();
  });

  it("leaves no trace", async () => {
    const { body } = await rest<{ projects: { name: string }[] }>(system, "GET", "/api/projects", {
      token: account.accessToken,
    });
    expect(body.projects.map(({ name }) => name).sort()).toEqual(["empty", "good"]);
    expect((await rest(system, "GET", "/readyz")).status).toBe(200);
  });
});

describe("a WebSocket", () => {
  it.each([
    { what: "no JSON", frame: "{", code: "invalid_argument" },
    { what: "no command", frame: '{"id":9}', code: "invalid_argument" },
    { what: "two commands", frame: '{"id":9,"ping":{},"unsubscribe":{"channel":"x"}}', code: "invalid_argument" },
    { what: "an unknown command", frame: '{"id":9,"dance":{}}', code: "invalid_argument" },
    { what: "a channel that is none", frame: '{"id":9,"subscribe":{"channel":"weather"}}', code: "invalid_argument" },
    { what: "a channel of nobody", frame: '{"id":9,"subscribe":{"channel":"simulation:none"}}', code: "not_found" },
    {
      what: "another's notifications",
      frame: '{"id":9,"subscribe":{"channel":"notifications:somebody"}}',
      code: "permission_denied",
    },
    {
      what: "a channel that was not subscribed",
      frame: '{"id":9,"unsubscribe":{"channel":"simulation:none"}}',
      code: "",
    },
  ])("answers $what", async ({ frame, code }) => {
    const live = await openLive(system);
    live.send({ id: 1, connect: { token: account.accessToken } });
    await live.frame("connected", ({ id }) => id === 1);
    live.sendText(frame);
    const answered = live.frame(
      "an answer",
      (one) => one.id === 9 || one.error !== undefined || one.notice !== undefined,
    );
    const answer = await answered.catch(() => undefined);
    if (code !== "") {
      expect(JSON.stringify(answer ?? live.closed)).toMatch(new RegExp(`${code}|1003|1007`));
    } else {
      expect(answer ?? live.closed).toBeDefined();
    }
    live.close();
  });

  it("refuses a forged token, and anything before it", async () => {
    const forged = await openLive(system);
    forged.send({ id: 1, connect: { token: "a.b.c" } });
    expect(await forged.frame("refused", ({ id }) => id === 1)).toHaveProperty("error.code", "unauthenticated");
    const hasty = await openLive(system);
    hasty.send({ id: 1, subscribe: { channel: "simulation:x" } });
    expect(await hasty.frame("refused", ({ id }) => id === 1)).toHaveProperty("error.code", "unauthenticated");
    forged.close();
    hasty.close();
  });
});

describe("a raw connection", () => {
  it.each([
    { what: "garbage", bytes: "\u0000\u0001\u0002\r\n\r\n" },
    {
      what: "two lengths",
      bytes: "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    },
    {
      what: "a length and chunks",
      bytes:
        "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    },
  ])("with $what is refused and closed", async ({ bytes }) => {
    const { hostname, port } = new URL(system.address);
    const text = await new Promise<string>((resolve, reject) => {
      let received = "";
      const socket = connect(Number(port), hostname, () => socket.write(bytes));
      socket.on("data", (chunk) => {
        received += String(chunk);
      });
      socket.on("close", () => resolve(received));
      socket.on("error", reject);
    });
    expect(text).toMatch(/^HTTP\/1\.1 [45]\d\d|^$/);
    expect((await rest(system, "GET", "/healthz")).status).toBe(200);
  });
});
