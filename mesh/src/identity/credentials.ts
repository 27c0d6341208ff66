import { createPrivateKey, X509Certificate } from "node:crypto";
import { MeshError } from "../errors.ts";
import { type ServiceId, serviceIdOf, spiffeUri } from "./spiffe.ts";

/*
 * Whether three files make an identity: a certificate that names this service and is valid now, its own private key, and the
 * authorities that signed it. Pure: file contents and a reading of the clock in, credentials or a CONFIG_INVALID out that
 * names the file and what to do. It is asked before a set is used at all, so a bad set fails the start, and a running
 * service keeps the set it has.
 */

/** Where the three files are. */
export interface CredentialPaths {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** What the files hold. */
export type CredentialFiles = Readonly<Record<keyof CredentialPaths, string>>;

/** An identity that has been checked. */
export interface Credentials {
  readonly files: CredentialFiles;
  readonly id: ServiceId;
  readonly validFromMs: number;
  readonly validToMs: number;
}

const remedy = "`weft certs` makes certificates for development, `weft certs --renew` makes all of them anew";

/** No chain that an issuer hands out is longer. */
const maxChainLength = 8;

/** Throws CONFIG_INVALID, naming the file at fault. */
export function checkCredentials(
  files: CredentialFiles,
  paths: CredentialPaths,
  service: string,
  nowMs: number,
): Credentials {
  const chain = certificatesIn(files.cert, paths.cert);
  const authorities = certificatesIn(files.ca, paths.ca);
  const [own] = chain as [X509Certificate, ...X509Certificate[]];
  const id = serviceIdOf(own.subjectAltName);
  if (id === undefined) {
    throw invalid(`${paths.cert} names no service: it has no URI spiffe://<trust domain>/service/<name>; ${remedy}`);
  }
  if (id.service !== service) {
    throw invalid(
      `${paths.cert} is the certificate of ${id.service} (${spiffeUri(id)}), and this is ${service}; name the right file`,
    );
  }
  assertValidNow(own, paths.cert, nowMs);
  assertOwnKey(own, files.key, paths);
  assertSigned(chain, authorities, paths, nowMs);
  return { files, id, validFromMs: own.validFromDate.getTime(), validToMs: own.validToDate.getTime() };
}

function certificatesIn(pem: string, path: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) {
    throw invalid(`${path} holds no certificate in PEM form; ${remedy}`);
  }
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw invalid(`${path} holds a certificate that cannot be read; ${remedy}`, cause);
    }
  });
}

function assertValidNow(certificate: X509Certificate, path: string, nowMs: number): void {
  if (nowMs >= certificate.validToDate.getTime()) {
    throw invalid(`${path} expired at ${certificate.validToDate.toISOString()}; ${remedy}`);
  }
  if (nowMs < certificate.validFromDate.getTime()) {
    throw invalid(
      `${path} is not valid before ${certificate.validFromDate.toISOString()}; is the clock of this machine right?`,
    );
  }
}

function assertOwnKey(certificate: X509Certificate, keyPem: string, paths: CredentialPaths): void {
  let fits: boolean;
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(keyPem));
  } catch (cause) {
    throw invalid(`${paths.key} holds no private key in PEM form, without a password; ${remedy}`, cause);
  }
  if (!fits) {
    throw invalid(`${paths.key} is not the key of ${paths.cert}; ${remedy}`);
  }
}

/** Follows the chain up to an authority. Whether its other rules hold is for TLS itself to check at each connection. */
function assertSigned(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  paths: CredentialPaths,
  nowMs: number,
): void {
  let current = chain[0];
  for (let length = 0; current !== undefined && length < maxChainLength; length += 1) {
    const signed = current;
    const isSigner = (other: X509Certificate): boolean => signed.checkIssued(other) && signed.verify(other.publicKey);
    const authority = authorities.find(isSigner);
    if (authority !== undefined) {
      assertValidNow(authority, paths.ca, nowMs);
      return;
    }
    current = chain.find((other) => other !== signed && isSigner(other));
  }
  throw invalid(`${paths.cert} is not signed by an authority in ${paths.ca}; ${remedy}`);
}

function invalid(detail: string, cause?: unknown): MeshError {
  return new MeshError("CONFIG_INVALID", detail, cause === undefined ? {} : { cause });
}
