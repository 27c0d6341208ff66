import { X509Certificate } from "node:crypto";
import { issueCertificate, spiffeUri } from "@weft/mesh/certificates";
import { CliError } from "../cli-error.ts";
import { type Authority, backdateMs, certificatesIn, isKeyOf, openAuthority, serialNumbers } from "./authority.ts";
import { CertificateFolder } from "./certificate-folder.ts";
import { hostsOf, renewalReason, shortAddress } from "./renewal.ts";

/*
 * An authority and a certificate for each service, in one folder: `ca.pem`, `<service>.pem`, `<service>.key`. What is there
 * and will do is kept, so it can be run at any time; what is near its end is renewed with the key it has, which changes one
 * file in one step for the services that watch it. Asked to renew, it makes new keys too.
 */

export interface MakeCertificatesOptions {
  readonly directory: string;
  readonly services: readonly string[];
  /** The folder's own, or `weft.local`, when absent. */
  readonly trustDomain?: string | undefined;
  /** Names and addresses beside localhost, 127.0.0.1, ::1 and the service's own name. */
  readonly hosts?: readonly string[];
  /** How long a certificate holds; 7 days when absent: renewing is cheap, and revoking does not exist. */
  readonly lifetimeMs?: number;
  /** Makes all certificates anew, with new keys. */
  readonly renew?: boolean;
  readonly nowMs: number;
}

export interface MadeCertificate {
  readonly service: string;
  readonly identity: string;
  readonly hosts: readonly string[];
  readonly outcome: "created" | "kept" | "renewed";
  /** Why it was renewed. */
  readonly reason?: string;
  readonly expiresAtMs: number;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface MadeCertificates {
  readonly directory: string;
  readonly trustDomain: string;
  readonly authority: Pick<Authority, "outcome" | "expiresAtMs"> & { readonly file: string };
  readonly certificates: readonly MadeCertificate[];
}

const defaultLifetimeMs = 7 * 86_400_000;

/** Brings the folder up to date. Throws CliError when it cannot be used, naming what is in the way. */
export async function makeCertificates(options: MakeCertificatesOptions): Promise<MadeCertificates> {
  const { directory, services, nowMs, lifetimeMs = defaultLifetimeMs } = options;
  if (services.includes("ca")) {
    throw new CliError('a service cannot be called "ca" here: its files would be those of the authority');
  }
  return await CertificateFolder.use(directory, async (folder) => {
    const authority = await openAuthority(folder, {
      trustDomain: options.trustDomain,
      certificateLifetimeMs: lifetimeMs,
      nowMs,
    });
    const certificates: MadeCertificate[] = [];
    for (const service of services) {
      certificates.push(await makeCertificate(folder, authority, service, { ...options, lifetimeMs }));
    }
    const { trustDomain, outcome, expiresAtMs } = authority;
    return { directory, trustDomain, authority: { file: folder.path("ca.pem"), outcome, expiresAtMs }, certificates };
  });
}

async function makeCertificate(
  folder: CertificateFolder,
  authority: Authority,
  service: string,
  { hosts = [], lifetimeMs, renew = false, nowMs }: MakeCertificatesOptions & { readonly lifetimeMs: number },
): Promise<MadeCertificate> {
  const id = { trustDomain: authority.trustDomain, service };
  const [certificate] = certificatesIn(await folder.read(`${service}.pem`));
  const keyPem = await folder.read(`${service}.key`);
  const wanted = ["localhost", "127.0.0.1", "::1", service, ...hosts.map(shortAddress)];
  const signer = new X509Certificate(authority.certPem);
  const reason = renewalReason({ certificate, keyPem, id, hosts: wanted, signer, nowMs });
  const files = { certFile: folder.path(`${service}.pem`), keyFile: folder.path(`${service}.key`) };
  const made = { service, identity: spiffeUri(id), ...files };
  if (certificate !== undefined && reason === undefined && !renew) {
    const expiresAtMs = certificate.validToDate.getTime();
    return { ...made, hosts: hostsOf(certificate), outcome: "kept", expiresAtMs };
  }
  // Names that somebody once gave it stay, whoever renews it.
  const named = [...new Set([...wanted, ...hostsOf(certificate)])];
  const expiresAtMs = nowMs + lifetimeMs;
  const keepsKey = !renew && certificate !== undefined && isKeyOf(keyPem, certificate);
  const issued = issueCertificate({
    authority,
    id,
    hosts: named,
    notBeforeMs: nowMs - backdateMs,
    notAfterMs: expiresAtMs,
    random: serialNumbers,
    ...(keepsKey && keyPem !== undefined ? { keyPem } : {}),
  });
  if (!keepsKey) {
    await folder.write(`${service}.key`, issued.keyPem);
  }
  await folder.write(`${service}.pem`, issued.certPem);
  return certificate === undefined
    ? { ...made, hosts: named, outcome: "created", expiresAtMs }
    : { ...made, hosts: named, outcome: "renewed", reason: reason ?? "asked for", expiresAtMs };
}
