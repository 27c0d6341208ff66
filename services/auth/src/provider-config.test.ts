import { describe, expect, test } from "vitest";
import { loadProvidersConfig } from "./provider-config.ts";

const acme = {
  WEFT_OIDC_PROVIDERS: "acme",
  WEFT_OIDC_ACME_ISSUER: "https://login.acme.example",
  WEFT_OIDC_ACME_CLIENT_ID: "weft",
  WEFT_OIDC_ACME_CLIENT_SECRET_FILE: "/run/secrets/acme",
};
const load = (
  env: Readonly<Record<string, string>>,
  { publicUrl = "https://weft.example.org", development = false } = {},
) => loadProvidersConfig(env, { publicUrl: publicUrl === "" ? undefined : publicUrl, development });

describe("the settings of providers", () => {
  test("are none unless they are named, and then nothing is asked of the public address", () => {
    expect(load({}, { publicUrl: "http://intranet" })).toEqual({ providers: [], redirectUris: [] });
  });

  test("have defaults for what people see and where they come back to", () => {
    expect(load(acme)).toEqual({
      providers: [
        {
          name: "acme",
          label: "acme",
          issuer: "https://login.acme.example",
          clientId: "weft",
          secretName: "WEFT_OIDC_ACME_CLIENT_SECRET",
          trustEmail: false,
        },
      ],
      redirectUris: ["https://weft.example.org/login/provider"],
    });
    const more = { WEFT_OIDC_ACME_LABEL: "Acme Inc.", WEFT_OIDC_ACME_TRUST_EMAIL: "true" };
    expect(load({ ...acme, ...more }).providers).toMatchObject([{ label: "Acme Inc.", trustEmail: true }]);
    const uris = { WEFT_OIDC_REDIRECT_URIS: "https://a.example/in, https://b.example/in" };
    expect(load({ ...acme, ...uris }).redirectUris).toEqual(["https://a.example/in", "https://b.example/in"]);
  });

  test("let a provider be on this machine in development, and nowhere else without https", () => {
    const local = { ...acme, WEFT_OIDC_ACME_ISSUER: "http://127.0.0.1:3000" };
    expect(load(local, { development: true }).providers).toMatchObject([{ issuer: "http://127.0.0.1:3000" }]);
    expect(() => load(local)).toThrow("WEFT_OIDC_ACME_ISSUER");
    const near = { ...acme, WEFT_OIDC_ACME_ISSUER: "http://localhost.example" };
    expect(() => load(near, { development: true })).toThrow("WEFT_OIDC_ACME_ISSUER");
  });

  test.each([
    ["WEFT_OIDC_PROVIDERS", { WEFT_OIDC_PROVIDERS: "Acme Inc" }],
    ["WEFT_OIDC_ACME_ISSUER", { WEFT_OIDC_ACME_ISSUER: "https://login.acme.example?tenant=1" }],
    ["WEFT_OIDC_ACME_ISSUER", { WEFT_OIDC_ACME_ISSUER: "https://user:password@login.acme.example" }],
    ["WEFT_OIDC_ACME_CLIENT_ID", { WEFT_OIDC_ACME_CLIENT_ID: "" }],
    ["WEFT_OIDC_ACME_CLIENT_SECRET", { WEFT_OIDC_ACME_CLIENT_SECRET_FILE: "" }],
    ["WEFT_OIDC_ACME_TRUST_EMAIL", { WEFT_OIDC_ACME_TRUST_EMAIL: "yes" }],
    ["WEFT_OIDC_REDIRECT_URIS", { WEFT_OIDC_REDIRECT_URIS: "http://weft.example.org/in" }],
    ["WEFT_OIDC_REDIRECT_URIS", { WEFT_OIDC_REDIRECT_URIS: "https://weft.example.org/in?next=/" }],
    ["WEFT_OIDC_REDIRECT_URIS", { WEFT_OIDC_REDIRECT_URIS: "https://weft.example.org" }],
    ["WEFT_OIDC_PROVIDERS", { WEFT_OIDC_PROVIDERS: "acme,acme" }],
  ])("name what is wrong with %s", (variable, wrong) => {
    expect(() => load({ ...acme, ...wrong })).toThrow(variable);
  });

  test("need an address to come back to", () => {
    expect(() => load(acme, { publicUrl: "" })).toThrow("WEFT_OIDC_REDIRECT_URIS");
  });
});
