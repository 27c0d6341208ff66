import type { X509Certificate } from "node:crypto";
import { type ServiceId, serviceIdOf } from "@weft/mesh/certificates";
import { isKeyOf } from "./authority.ts";

/*
 * Whether the certificate that a service has will do. Pure.
 */

export interface RenewalQuestion {
  /** What the service's files hold; undefined for a file that is missing or cannot be read. */
  readonly certificate: X509Certificate | undefined;
  readonly keyPem: string | undefined;
  readonly id: ServiceId;
  /** Names it must have; it may have more. */
  readonly hosts: readonly string[];
  readonly signer: X509Certificate;
  readonly nowMs: number;
}

/** Renewed with this share of its life left, so that there are days to notice that a renewal failed. */
const renewalShare = 1 / 3;

/** Why it has to be made anew; undefined when it will do. */
export function renewalReason({ certificate, keyPem, id, hosts, signer, nowMs }: RenewalQuestion): string | undefined {
  if (certificate === undefined) {
    return "there was none";
  }
  if (!isKeyOf(keyPem, certificate)) {
    return "its key was missing or another";
  }
  const named = serviceIdOf(certificate.subjectAltName);
  if (named?.service !== id.service || named.trustDomain !== id.trustDomain) {
    return "it named another service";
  }
  if (!certificate.checkIssued(signer) || !certificate.verify(signer.publicKey)) {
    return "another authority had signed it";
  }
  const fromMs = certificate.validFromDate.getTime();
  const toMs = certificate.validToDate.getTime();
  if (nowMs >= toMs) {
    return "it had expired";
  }
  if (toMs - nowMs < (toMs - fromMs) * renewalShare) {
    return "it was about to expire";
  }
  const known = hostsOf(certificate);
  const missing = hosts.filter((host) => !known.includes(host));
  return missing.length === 0 ? undefined : `it did not name ${missing.join(", ")}`;
}

/** The host names and addresses of a certificate, addresses in their short form. */
export function hostsOf(certificate: X509Certificate | undefined): string[] {
  return [...(certificate?.subjectAltName ?? "").matchAll(/(DNS|IP Address):([^,"]+)/g)].map(([, kind, name = ""]) =>
    kind === "DNS" ? name : shortAddress(name),
  );
}

/** "::1" for "0:0:0:0:0:0:0:1": the form that people write, and that `--host` is brought to. */
export function shortAddress(text: string): string {
  return text.includes(":") && URL.canParse(`http://[${text}]`)
    ? new URL(`http://[${text}]`).hostname.slice(1, -1)
    : text;
}
