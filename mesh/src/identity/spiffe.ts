/*
 * Who a certificate says its holder is: `spiffe://<trust domain>/service/<service name>`, as its one URI among the subject
 * alternative names (SPIFFE X.509-SVID, 2 and 5). Pure. Host names in a certificate say where a process may be reached, not
 * what it is, so they identify nobody here.
 */

/** The name of a service within a trust domain. */
export interface ServiceId {
  readonly trustDomain: string;
  /** As in the registry: "auth-service". */
  readonly service: string;
}

const idPattern = /^spiffe:\/\/([a-z0-9._-]{1,255})\/service\/([a-z][a-z0-9-]*)$/;

/** What may stand for a trust domain: lower-case letters, digits, dots, dashes and underscores. */
export function isTrustDomain(text: string): boolean {
  return /^[a-z0-9._-]{1,255}$/.test(text);
}

export function spiffeUri({ trustDomain, service }: ServiceId): string {
  return `spiffe://${trustDomain}/service/${service}`;
}

/** The service that a certificate names, from Node's text of its alternative names; undefined when it names none. */
export function serviceIdOf(subjectAltName: string | undefined): ServiceId | undefined {
  const uris = urisOf(subjectAltName ?? "");
  const match = uris.length === 1 ? idPattern.exec(uris[0] ?? "") : null;
  const [, trustDomain, service] = match ?? [];
  return trustDomain === undefined || service === undefined ? undefined : { trustDomain, service };
}

/** The trust domain of an authority's certificate: the URI `spiffe://<trust domain>`. */
export function trustDomainOf(subjectAltName: string | undefined): string | undefined {
  const uris = urisOf(subjectAltName ?? "");
  return uris.length === 1 ? /^spiffe:\/\/([a-z0-9._-]{1,255})$/.exec(uris[0] ?? "")?.[1] : undefined;
}

/**
 * Node writes "URI:…, DNS:…" and quotes a name that holds a comma or a quote as JSON (CVE-2021-44532). The text is read in
 * that grammar rather than split at commas, so that no quoted name can pass for an entry of its own.
 */
function urisOf(subjectAltName: string): string[] {
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;
  const uris: string[] = [];
  while (entry.lastIndex < subjectAltName.length) {
    const match = entry.exec(subjectAltName);
    if (match === null) {
      return [];
    }
    if (match[1] === "URI") {
      uris.push(match[2] ?? "");
    }
  }
  return uris;
}
