import { createPublicKey, X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { createAuthority, issueCertificate } from "./certificates.ts";
import { serviceIdOf, trustDomainOf } from "./spiffe.ts";

const random = seededRandom(7);
const notBeforeMs = Date.UTC(2026, 0, 1);
const notAfterMs = Date.UTC(2026, 0, 8);
const authority = createAuthority({ trustDomain: "weft.local", notBeforeMs, notAfterMs, random });
const id = { trustDomain: "weft.local", service: "auth-service" };
const issue = (change: { keyPem?: string; hosts?: string[] } = {}) =>
  issueCertificate({ authority, id, hosts: [], notBeforeMs, notAfterMs, random, ...change });

describe("createAuthority", () => {
  test("makes a certificate that signs itself, may sign others, and names its trust domain", () => {
    const certificate = new X509Certificate(authority.certPem);
    expect(certificate.ca).toBe(true);
    expect(certificate.checkIssued(certificate)).toBe(true);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(trustDomainOf(certificate.subjectAltName)).toBe("weft.local");
    expect(certificate.validToDate.getTime()).toBe(notAfterMs);
  });
});

describe("issueCertificate", () => {
  test("makes a certificate for both ends of a connection that the authority has signed", () => {
    const certificate = new X509Certificate(issue().certPem);
    const signer = new X509Certificate(authority.certPem);
    expect(certificate.checkIssued(signer)).toBe(true);
    expect(certificate.verify(signer.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    expect(certificate.validFromDate.getTime()).toBe(notBeforeMs);
  });

  test("names the service as a URI, and its hosts", () => {
    const { subjectAltName } = new X509Certificate(issue({ hosts: ["localhost", "10.0.0.7", "::1"] }).certPem);
    expect(serviceIdOf(subjectAltName)).toEqual(id);
    expect(subjectAltName).toContain("DNS:localhost, IP Address:10.0.0.7, IP Address:0:0:0:0:0:0:0:1");
  });

  test("keeps a key that it is given, and never a serial number", () => {
    const first = issue();
    const second = issue({ keyPem: first.keyPem });
    expect(new X509Certificate(second.certPem).publicKey.equals(createPublicKey(first.keyPem))).toBe(true);
    expect(new X509Certificate(second.certPem).serialNumber).not.toBe(new X509Certificate(first.certPem).serialNumber);
    expect(issue().keyPem).not.toBe(first.keyPem);
  });
});
