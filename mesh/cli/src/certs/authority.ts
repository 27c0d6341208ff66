import { createPrivateKey, randomUUID, X509Certificate } from "node:crypto";
import { createAuthority, isTrustDomain, type KeyedCertificate, trustDomainOf } from "@weft/mesh/certificates";
import { CliError } from "../cli-error.ts";
import type { CertificateFolder } from "./certificate-folder.ts";

/*
 * The development authority of a folder. `ca.key` holds its private key together with its own certificate, so that the two
 * change in one step; `ca.pem`, which every service reads, lists the authorities that are trusted, the one that signs first.
 *
 * The authority is kept as long as it outlives what it signs. The one that follows it is put in front of it: services that
 * have not reloaded yet, and certificates that have not been renewed yet, hold until the old one expires.
 */

/** An authority that can sign. */
export interface Authority extends KeyedCertificate {
  readonly trustDomain: string;
  readonly outcome: "created" | "kept" | "replaced";
  readonly expiresAtMs: number;
}

export interface AuthorityOptions {
  /** What it has to be; what the folder has, or `weft.local`, when undefined. */
  readonly trustDomain: string | undefined;
  /** How long a certificate made now would hold. */
  readonly certificateLifetimeMs: number;
  readonly nowMs: number;
}

const defaultTrustDomain = "weft.local";
const lifetimeMs = 365 * 86_400_000;
/** For machines whose clocks are behind. */
export const backdateMs = 5 * 60_000;

/** Nobody can tell the serial number of a certificate beforehand. */
export const serialNumbers = { id: () => randomUUID() };

/** The authority of the folder, made or replaced where necessary. Throws CliError when the folder's own cannot be used. */
export async function openAuthority(folder: CertificateFolder, options: AuthorityOptions): Promise<Authority> {
  const wanted = options.trustDomain;
  if (wanted !== undefined && !isTrustDomain(wanted)) {
    throw new CliError(
      `--trust-domain is "${wanted}"; it takes lower-case letters, digits, dots, dashes and underscores`,
    );
  }
  const trusted = certificatesIn(await folder.read("ca.pem"));
  const current = await readAuthority(folder);
  if (current === undefined) {
    if (trusted.length > 0) {
      throw new CliError(`${folder.path("ca.pem")} has no ca.key beside it, and without that nothing can be signed`, {
        next: "put ca.key back, name another folder with --dir, or delete ca.pem for a new authority",
      });
    }
    return await makeAuthority(folder, wanted ?? defaultTrustDomain, [], "created", options.nowMs);
  }
  const { certificate, trustDomain } = current;
  if (wanted !== undefined && wanted !== trustDomain) {
    throw new CliError(`the authority in ${folder.directory} is of the trust domain ${trustDomain}, not ${wanted}`, {
      next: "name another folder with --dir, or delete this one to start anew",
    });
  }
  const others = trusted.filter(
    (other) => !other.raw.equals(certificate.raw) && other.validToDate.getTime() > options.nowMs,
  );
  if (certificate.validToDate.getTime() < options.nowMs + options.certificateLifetimeMs) {
    const stillValid = certificate.validToDate.getTime() > options.nowMs ? [certificate, ...others] : others;
    return await makeAuthority(folder, trustDomain, stillValid, "replaced", options.nowMs);
  }
  await writeTrusted(folder, [certificate, ...others]);
  const expiresAtMs = certificate.validToDate.getTime();
  return { certPem: current.certPem, keyPem: current.keyPem, trustDomain, outcome: "kept", expiresAtMs };
}

async function readAuthority(
  folder: CertificateFolder,
): Promise<(KeyedCertificate & { certificate: X509Certificate; trustDomain: string }) | undefined> {
  const text = await folder.read("ca.key");
  if (text === undefined) {
    return undefined;
  }
  const [certificate] = certificatesIn(text);
  const trustDomain = trustDomainOf(certificate?.subjectAltName);
  const keyPem = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/.exec(text)?.[0] ?? "";
  if (certificate === undefined || trustDomain === undefined || !isKeyOf(keyPem, certificate)) {
    throw new CliError(`${folder.path("ca.key")} holds no authority that \`weft certs\` made`, {
      next: "name another folder with --dir, or delete ca.key and ca.pem for a new authority",
    });
  }
  return { certPem: certificate.toString(), keyPem, certificate, trustDomain };
}

async function makeAuthority(
  folder: CertificateFolder,
  trustDomain: string,
  others: readonly X509Certificate[],
  outcome: "created" | "replaced",
  nowMs: number,
): Promise<Authority> {
  const expiresAtMs = nowMs + lifetimeMs;
  const validity = { notBeforeMs: nowMs - backdateMs, notAfterMs: expiresAtMs, random: serialNumbers };
  const made = createAuthority({ trustDomain, ...validity });
  await folder.write("ca.key", `${made.keyPem}${made.certPem}`);
  await writeTrusted(folder, [new X509Certificate(made.certPem), ...others]);
  return { ...made, trustDomain, outcome, expiresAtMs };
}

/** Leaves a file alone that is right: every writing makes running services look at it. */
async function writeTrusted(folder: CertificateFolder, certificates: readonly X509Certificate[]): Promise<void> {
  const text = certificates.map(String).join("");
  if ((await folder.read("ca.pem")) !== text) {
    await folder.write("ca.pem", text);
  }
}

/** The certificates of a PEM file; those that cannot be read count for nothing. */
export function certificatesIn(pem: string | undefined): X509Certificate[] {
  const blocks = pem?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

export function isKeyOf(keyPem: string | undefined, certificate: X509Certificate): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(keyPem ?? ""));
  } catch {
    return false;
  }
}
