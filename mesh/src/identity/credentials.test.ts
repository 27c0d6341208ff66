import { describe, expect, test } from "vitest";
import { MeshError } from "../errors.ts";
import { seededRandom } from "../random.ts";
import { createAuthority, issueCertificate, type KeyedCertificate } from "./certificates.ts";
import { type CredentialFiles, checkCredentials } from "./credentials.ts";

const day = 86_400_000;
const nowMs = Date.UTC(2026, 0, 4);
const random = seededRandom(3);
const validity = { notBeforeMs: nowMs - day, notAfterMs: nowMs + day, random };
const paths = { cert: "/c/auth-service.pem", key: "/c/auth-service.key", ca: "/c/ca.pem" };

const authority = createAuthority({ trustDomain: "weft.local", ...validity });
const otherAuthority = createAuthority({ trustDomain: "weft.local", ...validity });
const issue = (service: string, signer = authority): KeyedCertificate =>
  issueCertificate({ authority: signer, id: { trustDomain: "weft.local", service }, hosts: [], ...validity });
const auth = issue("auth-service");
const files = (change: Partial<CredentialFiles> = {}): CredentialFiles => ({
  cert: auth.certPem,
  key: auth.keyPem,
  ca: authority.certPem,
  ...change,
});
const check = (change: Partial<CredentialFiles> = {}, atMs = nowMs) =>
  checkCredentials(files(change), paths, "auth-service", atMs);

describe("checkCredentials", () => {
  test("accepts a certificate of this service with its key, and tells whose it is and how long it holds", () => {
    expect(check()).toMatchObject({
      id: { trustDomain: "weft.local", service: "auth-service" },
      validFromMs: validity.notBeforeMs,
      validToMs: validity.notAfterMs,
    });
  });

  test("accepts a file of several authorities, as there is while one replaces another", () => {
    expect(check({ ca: `${otherAuthority.certPem}${authority.certPem}` }).id.service).toBe("auth-service");
  });

  test("follows a chain to its authority", () => {
    // An authority between, whose own certificate is signed by ours.
    const between = createAuthority({ trustDomain: "weft.local", ...validity });
    const signed = issue("auth-service", between);
    expect(
      check({ cert: `${signed.certPem}${between.certPem}`, key: signed.keyPem, ca: between.certPem }),
    ).toBeDefined();
    expect(() => check({ cert: `${signed.certPem}${between.certPem}`, key: signed.keyPem })).toThrow(
      "is not signed by an authority in /c/ca.pem",
    );
  });

  test.each<[what: string, change: Partial<CredentialFiles>, complaint: string]>([
    ["an empty certificate file", { cert: "" }, "/c/auth-service.pem holds no certificate in PEM form"],
    [
      "a broken certificate",
      { cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
      "/c/auth-service.pem holds a certificate that cannot be read",
    ],
    [
      "half a certificate",
      { cert: auth.certPem.slice(0, 300) },
      "/c/auth-service.pem holds no certificate in PEM form",
    ],
    ["a file of authorities without any", { ca: "nothing" }, "/c/ca.pem holds no certificate in PEM form"],
    ["an authority's certificate for its own", { cert: authority.certPem }, "/c/auth-service.pem names no service"],
    [
      "the certificate of another service",
      { cert: issue("user-service").certPem },
      "/c/auth-service.pem is the certificate of user-service (spiffe://weft.local/service/user-service), and this is auth-service",
    ],
    ["another key", { key: issue("auth-service").keyPem }, "/c/auth-service.key is not the key of /c/auth-service.pem"],
    ["no key", { key: "-----BEGIN PRIVATE KEY-----" }, "/c/auth-service.key holds no private key in PEM form"],
    [
      "another authority",
      { ca: otherAuthority.certPem },
      "/c/auth-service.pem is not signed by an authority in /c/ca.pem",
    ],
  ])("refuses %s", (_what, change, complaint) => {
    expect(() => check(change)).toThrow(MeshError);
    expect(() => check(change)).toThrow(complaint);
  });

  test("refuses what has expired or does not hold yet, saying when", () => {
    expect(() => check({}, nowMs + day)).toThrow(
      "/c/auth-service.pem expired at 2026-01-05T00:00:00.000Z; `weft certs`",
    );
    expect(() => check({}, nowMs - day - 1)).toThrow(
      "/c/auth-service.pem is not valid before 2026-01-03T00:00:00.000Z",
    );
  });

  test("refuses an authority that has expired, even before the certificate does", () => {
    const old = createAuthority({ trustDomain: "weft.local", ...validity, notAfterMs: nowMs });
    const { certPem, keyPem } = issue("auth-service", old);
    expect(() => check({ cert: certPem, key: keyPem, ca: old.certPem })).toThrow("/c/ca.pem expired at");
  });
});
