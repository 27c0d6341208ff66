import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import type { Random } from "../random.ts";
import {
  addressBytes,
  bitString,
  childrenOf,
  derTrue,
  element,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from "./der.ts";
import { type ServiceId, spiffeUri } from "./spiffe.ts";

export { isTrustDomain, type ServiceId, serviceIdOf, spiffeUri, trustDomainOf } from "./spiffe.ts";

/*
 * Makes certificates: an authority for one trust domain, and certificates of services signed by it. For development and
 * tests; in production they come from whatever issues certificates there, and the mesh only reads files.
 *
 * Everything is ECDSA on P-256 with SHA-256, which every TLS library has, and X.509 v3 as RFC 5280 and SPIFFE's X.509-SVID
 * ask: one URI names the service, the authority may sign services only (path length 0), a service may sign nothing.
 * It is written out here because it is one screen: a library for all of X.509 would be the largest dependency of the mesh.
 * The command line uses it too, so it is exported by itself ("@weft/mesh/certificates").
 */

/** A certificate with its private key, both as PEM. */
export interface KeyedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** For the serial number. */
  readonly random: Pick<Random, "id">;
}

export interface AuthorityOptions extends Validity {
  readonly trustDomain: string;
}

export interface CertificateOptions extends Validity {
  readonly authority: KeyedCertificate;
  readonly id: ServiceId;
  /** Host names and IP addresses at which the service may be reached. */
  readonly hosts: readonly string[];
  /** The private key to certify; a new one when absent. */
  readonly keyPem?: string;
}

const oids = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;

/** Tags of a GeneralName (RFC 5280, 4.2.1.6). */
const generalName = { dns: 0x82, uri: 0x86, ip: 0x87 } as const;

const signatureAlgorithm = sequence(objectIdentifier(oids.ecdsaWithSha256));

/** Makes an authority that signs itself. */
export function createAuthority(options: AuthorityOptions): KeyedCertificate {
  const keyPem = newKeyPem();
  const publicKey = publicKeyDer(keyPem);
  // A name of its own for each, so that an old and a new authority can be told apart.
  const name = commonName(`Weft development CA ${keyIdentifier(publicKey).toString("hex").slice(0, 8)}`);
  const certPem = signedCertificate({
    ...options,
    signerKeyPem: keyPem,
    issuer: name,
    subject: name,
    publicKey,
    extensions: [
      extension(oids.basicConstraints, sequence(derTrue, integer(Buffer.from([0]))), { critical: true }),
      // keyCertSign and cRLSign: bits 5 and 6.
      extension(oids.keyUsage, bitString(Buffer.from([0x06]), 1), { critical: true }),
      extension(oids.subjectKeyIdentifier, octetString(keyIdentifier(publicKey))),
      extension(oids.subjectAltName, sequence(uriName(`spiffe://${options.trustDomain}`))),
    ],
  });
  return { certPem, keyPem };
}

/** Makes the certificate of a service, for both ends of a connection. Throws when the authority's key is no P-256 key. */
export function issueCertificate(options: CertificateOptions): KeyedCertificate {
  const { authority, id, hosts } = options;
  const keyPem = options.keyPem ?? newKeyPem();
  const publicKey = publicKeyDer(keyPem);
  const signer = new X509Certificate(authority.certPem);
  const certPem = signedCertificate({
    ...options,
    signerKeyPem: authority.keyPem,
    issuer: subjectDer(signer),
    // The longest common name that RFC 5280 allows; the URI is what counts.
    subject: commonName(id.service.slice(0, 64)),
    publicKey,
    extensions: [
      extension(oids.basicConstraints, sequence(), { critical: true }),
      // digitalSignature: bit 0.
      extension(oids.keyUsage, bitString(Buffer.from([0x80]), 7), { critical: true }),
      extension(oids.extendedKeyUsage, sequence(objectIdentifier(oids.serverAuth), objectIdentifier(oids.clientAuth))),
      extension(oids.authorityKeyIdentifier, sequence(element(0x80, keyIdentifier(publicKeyDer(authority.keyPem))))),
      extension(oids.subjectKeyIdentifier, octetString(keyIdentifier(publicKey))),
      extension(oids.subjectAltName, sequence(uriName(spiffeUri(id)), ...hosts.map(hostName))),
    ],
  });
  return { certPem, keyPem };
}

interface Signing extends Validity {
  readonly signerKeyPem: string;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: Buffer;
  readonly extensions: readonly Buffer[];
}

function signedCertificate(signing: Signing): string {
  const signer = createPrivateKey(signing.signerKeyPem);
  if (signer.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new TypeError("the key of the authority is no P-256 key");
  }
  const version3 = element(0xa0, integer(Buffer.from([2])));
  const serial = integer(Buffer.from(signing.random.id().replaceAll("-", ""), "hex"));
  const body = sequence(
    version3,
    serial,
    signatureAlgorithm,
    signing.issuer,
    sequence(time(signing.notBeforeMs), time(signing.notAfterMs)),
    signing.subject,
    signing.publicKey,
    element(0xa3, sequence(...signing.extensions)),
  );
  const certificate = sequence(body, signatureAlgorithm, bitString(sign("sha256", body, signer)));
  // Node writes the PEM, having read back what was written here.
  return new X509Certificate(certificate).toString();
}

function newKeyPem(): string {
  return generateKeyPairSync("ec", {
    namedCurve: "prime256v1",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  }).privateKey;
}

function publicKeyDer(keyPem: string): Buffer {
  return createPublicKey(keyPem).export({ type: "spki", format: "der" });
}

/** The first method of RFC 5280, 4.2.1.2: SHA-1 over the bits of the key; it names a key and protects nothing. */
function keyIdentifier(publicKey: Buffer): Buffer {
  const bits = childrenOf(publicKey)[1] ?? Buffer.alloc(0);
  // Behind tag, length and the number of unused bits; a P-256 key is shorter than 128 bytes.
  return createHash("sha1").update(bits.subarray(3)).digest();
}

/** A certificate's subject as it is encoded there, for others to name it as their issuer. */
function subjectDer(certificate: X509Certificate): Buffer {
  const [body = Buffer.alloc(0)] = childrenOf(certificate.raw);
  const [, , , , , subject] = childrenOf(body);
  if (subject === undefined) {
    throw new RangeError("the certificate of the authority has no subject");
  }
  return subject;
}

function commonName(text: string): Buffer {
  return sequence(set(sequence(objectIdentifier(oids.commonName), utf8String(text))));
}

function extension(oid: string, value: Buffer, options: { readonly critical?: boolean } = {}): Buffer {
  const critical = options.critical === true ? [derTrue] : [];
  return sequence(objectIdentifier(oid), ...critical, octetString(value));
}

function uriName(uri: string): Buffer {
  return element(generalName.uri, Buffer.from(uri, "latin1"));
}

function hostName(host: string): Buffer {
  const address = addressBytes(host);
  return address === undefined
    ? element(generalName.dns, Buffer.from(host, "latin1"))
    : element(generalName.ip, address);
}
