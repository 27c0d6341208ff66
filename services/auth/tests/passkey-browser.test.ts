/**
 * A passkey in a real browser, with its own idea of WebAuthn and an authenticator that the browser makes up (the WebAuthn
 * domain of the DevTools protocol): registered and used against the auth and the user service on localhost.
 */
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type RunningServices, startServices } from "./running-services.ts";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const whySkipped = "there is no Chromium in /usr/bin";
const flags = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"];

let browser: Browser | undefined;
let services: RunningServices | undefined;

beforeAll(async () => {
  if (executablePath !== undefined) {
    [browser, services] = await Promise.all([chromium.launch({ executablePath, args: flags }), startServices()]);
  }
});
afterAll(async () => {
  await Promise.all([browser?.close(), services?.stop()]);
});
beforeEach(({ skip }) => {
  skip(browser === undefined, whySkipped);
});

/** A page of the same origin as the service, with what a program would do there as functions. */
async function openPage({ auth }: RunningServices): Promise<Page> {
  const context = await (browser as Browser).newContext();
  const page = await context.newPage();
  // WebAuthn knows no relying party of numbers.
  const home = `${auth.url.replace("127.0.0.1", "localhost")}/page`;
  await page.route(home, (route) =>
    route.fulfill({ contentType: "text/html", body: "<!doctype html><title>Weft</title>" }),
  );
  await page.goto(home);
  await page.evaluate(`
    globalThis.call = async (path, body, token) => {
      const headers = { "content-type": "application/json", ...(token ? { authorization: "Bearer " + token } : {}) };
      const answer = await fetch("/api/auth/" + path, { method: "POST", headers, body: JSON.stringify(body) });
      return { status: answer.status, ...(await answer.json()) };
    };
    globalThis.create = async (options) => (await navigator.credentials.create(
      { publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })).toJSON();
    globalThis.get = async (options) => (await navigator.credentials.get(
      { publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) })).toJSON();
  `);
  return page;
}

async function plugIn(page: Page, options: { readonly isUserVerified: boolean }): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const form = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true } as const;
  await devtools.send("WebAuthn.addVirtualAuthenticator", { options: { ...form, ...options } });
}

interface Outcome {
  readonly registered: { readonly status: number; readonly recoveryCodes: readonly string[] };
  readonly loggedIn: { readonly status: number; readonly user: { readonly username: string } };
  readonly challenged: { readonly status: number; readonly factors: readonly string[]; readonly accessToken?: string };
  readonly completed: { readonly status: number; readonly accessToken: string };
}

describe("in Chromium", () => {
  it("a passkey is registered, logs in by itself, and completes a login with a password", async () => {
    const page = await openPage(services as RunningServices);
    await plugIn(page, { isUserVerified: true });
    const outcome = await page.evaluate<Outcome>(`(async () => {
      const ada = { username: "ada", email: "ada@example.org", password: "correct horse battery" };
      const { accessToken } = await call("signup", ada);
      const begun = await call("passkeys:begin", {}, accessToken);
      const registered = await call("passkeys", { name: "this browser", response: await create(begun.options) }, accessToken);
      const asked = await call("passkeys:beginLogin", {});
      const loggedIn = await call("passkeys:finishLogin", { response: await get(asked.options) });
      const challenged = await call("login", { login: ada.username, password: ada.password });
      const { challenge, passkeyOptions } = challenged;
      const completed = await call("login:complete", { challenge, passkey: await get(passkeyOptions) });
      return { registered, loggedIn, challenged, completed };
    })()`);
    const { registered, loggedIn, challenged, completed } = outcome;
    expect([registered.status, loggedIn.status, challenged.status, completed.status]).toEqual([200, 200, 200, 200]);
    expect(registered.recoveryCodes).toHaveLength(10);
    expect(loggedIn.user.username).toBe("ada");
    expect([challenged.factors, challenged.accessToken ?? ""]).toEqual([["passkey", "recovery_code"], ""]);
    expect(completed.accessToken).not.toBe("");
  });

  it("an authenticator that cannot verify its user makes no passkey", async () => {
    const page = await openPage(services as RunningServices);
    await plugIn(page, { isUserVerified: false });
    const refusal = await page.evaluate<string>(`(async () => {
      const eve = { username: "eve", email: "eve@example.org", password: "correct horse battery" };
      const { accessToken } = await call("signup", eve);
      const { options } = await call("passkeys:begin", {}, accessToken);
      return create({ ...options, timeout: 1000 }).then(() => "made", (error) => error.name);
    })()`);
    expect(refusal).toBe("NotAllowedError");
  });
});
