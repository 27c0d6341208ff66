/**
 * Headers that every answer carries. The gateway serves data, and one page, which brings a policy of its own: nothing it
 * answers may be run, framed, or guessed to be another type. HSTS is sent where connections are encrypted: when TLS ends here, or in front as the
 * configuration says.
 */
export function securityHeaders(options: {
  readonly tlsInFront: boolean;
  readonly tls: unknown;
}): readonly (readonly [name: string, value: string])[] {
  return [
    ["x-content-type-options", "nosniff"],
    ["x-frame-options", "DENY"],
    ["referrer-policy", "no-referrer"],
    ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
    ["cross-origin-resource-policy", "same-site"],
    ...(options.tlsInFront || options.tls !== undefined
      ? [["strict-transport-security", "max-age=31536000; includeSubDomains"] as const]
      : []),
  ];
}
