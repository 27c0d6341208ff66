/**
 * Headers that every answer carries. The gateway serves data, never pages: nothing it answers may be run, framed, or
 * guessed to be another type. Whether connections are encrypted is known only to what stands in front, so HSTS is sent
 * only when the configuration says that TLS ends there.
 */
export function securityHeaders(options: {
  readonly tlsInFront: boolean;
}): readonly (readonly [name: string, value: string])[] {
  return [
    ["x-content-type-options", "nosniff"],
    ["x-frame-options", "DENY"],
    ["referrer-policy", "no-referrer"],
    ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
    ["cross-origin-resource-policy", "same-site"],
    ...(options.tlsInFront ? [["strict-transport-security", "max-age=31536000; includeSubDomains"] as const] : []),
  ];
}
