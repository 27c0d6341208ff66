/** The auth and the user service as processes of their own, found through the registry, called over HTTP by a client. */
import { once } from "node:events";
import { until } from "@weft/mesh/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endProcess, type RunningProcess, type RunningServices, startServices } from "./running-services.ts";

let services: RunningServices;
let auth: RunningProcess;
let user: RunningProcess;

beforeAll(async () => {
  services = await startServices();
  ({ auth, user } = services);
});
afterAll(() => services?.stop());

// biome-ignore lint/suspicious/noExplicitAny: JSON from outside, compared by shape.
type Json = any;

async function call(
  url: string,
  options: { method?: string; body?: object; token?: string } = {},
): Promise<{ status: number; body: Json }> {
  const { method = options.body === undefined ? "GET" : "POST", body, token } = options;
  const response = await fetch(url, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

const ada = { username: "ada", email: "ada@example.org", password: "correct horse battery", firstName: "Ada" };

describe("auth and user service", () => {
  test("sign up, use the token at both services, refresh, log out", async () => {
    const signup = await call(`${auth.url}/api/auth/signup`, { body: ada });
    expect(signup).toMatchObject({
      status: 200,
      body: { user: { username: "ada", email: "ada@example.org", firstName: "Ada" }, expiresInSeconds: 900 },
    });
    const { accessToken, refreshToken, user: created } = signup.body;

    const profile = await call(`${auth.url}/api/auth/profile`, { token: accessToken });
    expect(profile).toMatchObject({ status: 200, body: { id: created.id, username: "ada" } });
    const changed = await call(`${auth.url}/api/auth/profile`, {
      method: "PUT",
      body: { lastName: "Lovelace" },
      token: accessToken,
    });
    expect(changed).toMatchObject({ status: 200, body: { firstName: "Ada", lastName: "Lovelace" } });
    const own = await call(`${user.url}/api/users/${created.id}`, { token: accessToken });
    expect(own).toMatchObject({ status: 200, body: { lastName: "Lovelace" } });

    const refreshed = await call(`${auth.url}/auth/refresh`, { body: { refreshToken } });
    expect(refreshed.status).toBe(200);
    const logout = await call(`${auth.url}/api/auth/logout`, { body: { refreshToken: refreshed.body.refreshToken } });
    expect(logout.status).toBe(200);
    for (const token of [accessToken, refreshed.body.accessToken]) {
      expect((await call(`${auth.url}/api/auth/profile`, { token })).status).toBe(401);
      await expect.poll(async () => (await call(`${user.url}/api/users/${created.id}`, { token })).status).toBe(401);
    }
    const again = await call(`${auth.url}/api/auth/refresh`, { body: { refreshToken } });
    expect(again.status).toBe(401);
  });

  test("log in by address; a second signup names what is taken; other users' data is refused", async () => {
    const login = await call(`${auth.url}/auth/login`, { body: { login: "ADA@example.org", password: ada.password } });
    expect(login).toMatchObject({ status: 200, body: { user: { username: "ada" } } });
    const taken = await call(`${auth.url}/api/auth/signup`, { body: ada });
    expect(taken.status).toBe(409);
    expect(JSON.stringify(taken.body.details)).toContain("username");
    const bob = { username: "bob", email: "bob@example.org", password: "correct horse battery" };
    const other = await call(`${auth.url}/api/auth/signup`, { body: bob });
    const foreign = await call(`${user.url}/api/users/${login.body.user.id}`, { token: other.body.accessToken });
    expect(foreign.status).toBe(403);
    const wrong = await call(`${auth.url}/api/auth/login`, { body: { login: "ada", password: "wrong password" } });
    expect(wrong.status).toBe(401);
  });

  test("delete the account: nothing of it works any more, and its name can be taken again", async () => {
    const eve = { username: "eve", email: "eve@example.org", password: "correct horse battery" };
    const { accessToken: token, user: created } = (await call(`${auth.url}/api/auth/signup`, { body: eve })).body;
    expect((await call(`${user.url}/api/users/${created.id}`, { token })).status).toBe(200);
    const remove = (password: string) =>
      call(`${auth.url}/api/auth/profile`, { method: "DELETE", body: { password }, token });
    const wrong = await remove("wrong password");
    expect(wrong.status).toBe(403);
    expect(JSON.stringify(wrong.body.details)).toContain("PASSWORD_WRONG");

    expect(await remove(eve.password)).toMatchObject({ status: 200, body: {} });
    const login = { body: { login: eve.username, password: eve.password } };
    expect((await call(`${auth.url}/api/auth/login`, login)).status).toBe(401);
    expect((await call(`${auth.url}/api/auth/profile`, { token })).status).toBe(401);
    await expect.poll(async () => (await call(`${user.url}/api/users/${created.id}`, { token })).status).toBe(401);
    expect((await remove(eve.password)).status).toBe(401);

    const again = await call(`${auth.url}/api/auth/signup`, { body: eve });
    expect(again.status).toBe(200);
    expect(again.body.user.id).not.toBe(created.id);
    expect(await call(`${auth.url}/api/auth/login`, login)).toMatchObject({
      status: 200,
      body: { user: { id: again.body.user.id, updatedAt: expect.stringMatching(/Z$/) } },
    });
  });

  test("over REST: sessions are listed and ended, the password is changed, and the trail tells of it", async () => {
    const kim = { username: "kim", email: "kim@example.org", password: "correct horse battery" };
    const signup = (await call(`${auth.url}/api/auth/signup`, { body: kim })).body;
    const login = { login: kim.username, password: kim.password, deviceToken: signup.deviceToken };
    const second = (await call(`${auth.url}/api/auth/login`, { body: login })).body;
    expect(second.deviceToken).toBe(signup.deviceToken);
    const token = signup.accessToken;
    const listed = await call(`${auth.url}/api/auth/sessions`, { token });
    expect(listed).toMatchObject({ status: 200, body: { sessions: [{}, {}] } });
    const other = listed.body.sessions.find((session: Json) => !session.current);
    const ended = await call(`${auth.url}/api/auth/sessions/${other.id}`, { method: "DELETE", body: {}, token });
    expect(ended.status).toBe(200);
    expect((await call(`${auth.url}/api/auth/profile`, { token: second.accessToken })).status).toBe(401);
    expect(await call(`${auth.url}/auth/sessions`, { method: "DELETE", body: {}, token })).toMatchObject({
      status: 200,
      body: { ended: 0 },
    });

    const body = { oldPassword: kim.password, newPassword: "a staple of another kind" };
    const changed = await call(`${auth.url}/api/auth/password`, { method: "PUT", body, token });
    expect(changed.status).toBe(200);
    expect((await call(`${auth.url}/api/auth/profile`, { token })).status).toBe(401);
    const trail = await call(`${auth.url}/api/auth/security-events?pageSize=2`, { token: changed.body.accessToken });
    expect(trail.body.events).toMatchObject([{ event: "password_changed" }, { event: "other_sessions_ended" }]);
  });

  test("over REST: a forgotten password is set anew by the mail, which development writes to the log", async () => {
    const lou = { username: "lou", email: "lou@example.org", password: "correct horse battery" };
    await call(`${auth.url}/api/auth/signup`, { body: lou });
    const asked = await call(`${auth.url}/api/auth/password:requestReset`, { body: { login: lou.email } });
    expect(asked).toMatchObject({ status: 200, body: {} });
    const mail = await until("it is sent", () => auth.lines.find((line) => line.includes("A new password")));
    const token = /\n\n([A-Za-z0-9_-]{43})\n\n/.exec((JSON.parse(mail) as { text: string }).text)?.[1];
    const reset = { body: { token, newPassword: "a staple of another kind" } };
    expect((await call(`${auth.url}/api/auth/password:reset`, reset)).status).toBe(200);
    expect((await call(`${auth.url}/api/auth/password:reset`, reset)).status).toBe(403);
    const login = { body: { login: lou.username, password: reset.body.newPassword } };
    expect((await call(`${auth.url}/api/auth/login`, login)).status).toBe(200);
  });

  test("over REST: too many wrong passwords are told when to come back", async () => {
    const wrong = { login: "nobody-here", password: "wrong password" };
    const answers: (string | null)[] = [];
    for (let at = 0; at < 11; at += 1) {
      const response = await fetch(`${auth.url}/api/auth/login`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(wrong),
      });
      expect(response.status).toBe(401);
      answers.push(response.headers.get("retry-after"));
    }
    expect(answers.slice(0, 9)).toEqual(Array(9).fill(null));
    expect(answers[9]).toBe("1");
  });

  test.each([
    ["username", { ...ada, username: "a b" }],
    ["email", { ...ada, email: "nowhere" }],
    ["password", { ...ada, password: "short" }],
  ])("a bad %s is refused by name", async (field, body) => {
    const answer = await call(`${auth.url}/api/auth/signup`, { body });
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.body.details)).toContain(field);
  });

  test("the key set is published, and a token is verified by whoever asks", async () => {
    const { body: keys } = await call(`${auth.url}/.well-known/jwks.json`);
    expect(keys.keys).toMatchObject([{ kty: "OKP", crv: "Ed25519", alg: "EdDSA" }]);
    const login = await call(`${auth.url}/api/auth/login`, { body: { login: "ada", password: ada.password } });
    const verified = await call(`${auth.url}/auth/verify`, { body: { token: login.body.accessToken } });
    expect(verified).toMatchObject({ status: 200, body: { valid: true, principal: { username: "ada" } } });
  });

  test("a session outlives a restart of the auth service, with the same keys", async () => {
    const login = await call(`${auth.url}/api/auth/login`, { body: { login: "ada", password: ada.password } });
    expect(await endProcess(auth)).toBe(0);
    auth = await services.start("auth");
    const token = login.body.accessToken;
    expect((await call(`${auth.url}/api/auth/profile`, { token })).status).toBe(200);
    expect((await call(`${user.url}/api/users/${login.body.user.id}`, { token })).status).toBe(200);
  });

  test("without the database both say that it is away, and neither lets anybody in", async () => {
    const login = await call(`${auth.url}/api/auth/login`, { body: { login: "ada", password: ada.password } });
    const { accessToken: token, refreshToken, user: own } = login.body;
    await services.postgres.stop();
    try {
      const answers = await Promise.all([
        call(`${auth.url}/api/auth/logout`, { body: { refreshToken } }),
        call(`${user.url}/api/users/${own.id}`, { token }),
      ]);
      expect(answers.map((answer) => answer.status)).toEqual([503, 503]);
      expect(JSON.stringify(answers[0].body.details)).toContain("DATABASE_UNAVAILABLE");
      // The user service may have had to ask the auth service about the token first.
      expect(JSON.stringify(answers[1].body.details)).toMatch(/DATABASE_UNAVAILABLE|AUTH_UNAVAILABLE/);
    } finally {
      await services.postgres.start();
    }
  });

  test("in production it does not start without its secret, and says which", async () => {
    const { child, lines } = services.spawn("auth", { NODE_ENV: "production" });
    const [code] = (await once(child, "close")) as [number];
    expect(code).not.toBe(0);
    expect(lines.join("\n")).toContain("WEFT_AUTH_KEY_SECRET");
  });
});
