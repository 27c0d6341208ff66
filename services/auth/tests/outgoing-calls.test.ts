import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Code } from "@connectrpc/connect";
import { errorReason } from "@weft/mesh";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AuthFixture, startAuthFixture } from "./auth-fixture.ts";
import { redirectUri, settingsOf } from "./openid-server.ts";

/* What this service calls outside of the system is what its configuration names, and nothing that an answer from there names. */

let fixture: AuthFixture;
const closers: (() => void)[] = [];

beforeAll(async () => {
  fixture = await startAuthFixture();
});
afterAll(async () => {
  for (const close of closers) close();
  await fixture?.close();
});

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test.each([301, 302, 303, 307, 308])(
  "ASVS 15.3.2: a redirect (%i) by a provider of logins is not followed",
  async (status) => {
    let followed = 0;
    let asked = 0;
    const elsewhere = await serve((_request, response) => {
      followed += 1;
      response.end("{}");
    });
    const issuer = await serve((request, response) => {
      asked += 1;
      response.writeHead(status, { location: `${elsewhere}${request.url}` }).end();
    });
    const env = { WEFT_OIDC_PROVIDERS: "acme", WEFT_OIDC_REDIRECT_URIS: redirectUri, ...settingsOf("acme", issuer) };
    const { providers } = await fixture.instance({ env });
    const refusal = await providers.beginProviderLogin({ provider: "acme", redirectUri }).catch((error) => error);
    expect([refusal.code, errorReason(refusal)]).toEqual([Code.Unavailable, "PROVIDER_UNAVAILABLE"]);
    expect([asked, followed]).toEqual([1, 0]);
  },
);
