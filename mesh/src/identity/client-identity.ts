import { type ConnectionOptions, createSecureContext, type PeerCertificate, type SecureContext } from "node:tls";
import { credentialPaths, diskAccess, readCredentialFiles } from "./credential-files.ts";
import { type Credentials, checkCredentials } from "./credentials.ts";
import type { ClientIdentity } from "./dial.ts";
import { serviceIdOf, spiffeUri } from "./spiffe.ts";

export { type ClientIdentity, type Dial, dialSocket } from "./dial.ts";

/*
 * The calling side of an identity. Running services hold a `ServiceIdentity`, which follows its files; who calls once and
 * ends, such as the command line, reads them once. Exported by itself ("@weft/mesh/identity"), for that reason.
 */

export const minVersion = "TLSv1.3";

/** The identity of a service from a folder as `weft certs` writes it. Throws CONFIG_INVALID naming the file and what to do. */
export async function readClientIdentity(service: string, certsDir: string, nowMs: number): Promise<ClientIdentity> {
  const named = { certFile: undefined, keyFile: undefined, caFile: undefined };
  const paths = credentialPaths({ certsDir, ...named }, service);
  const credentials = checkCredentials(await readCredentialFiles(paths, diskAccess), paths, service, nowMs);
  const context = createSecureContext({ ...credentials.files, minVersion });
  return { clientOptions: (peer) => clientTlsOptions(credentials, context, peer) };
}

export function clientTlsOptions(
  { id: { trustDomain } }: Credentials,
  secureContext: SecureContext,
  peer: string,
): ConnectionOptions {
  return {
    secureContext,
    minVersion,
    ALPNProtocols: ["h2"],
    servername: peer,
    rejectUnauthorized: true,
    checkServerIdentity: (_host, certificate) => whyNot({ trustDomain, service: peer }, certificate),
  };
}

/** Undefined when the certificate is that service's. */
function whyNot(wanted: { trustDomain: string; service: string }, certificate: PeerCertificate): Error | undefined {
  const id = serviceIdOf(certificate.subjectaltname);
  if (id?.service === wanted.service && id.trustDomain === wanted.trustDomain) {
    return undefined;
  }
  const is = id === undefined ? "no service of the mesh" : spiffeUri(id);
  return new Error(`${spiffeUri(wanted)} was dialled, and ${is} answered`);
}
