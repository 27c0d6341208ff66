/*
 * What went wrong in a handshake, in words and as a label for metrics. OpenSSL's own text ("0A000418:SSL routines:…:alert
 * unknown ca") names neither side nor a remedy. Pure.
 */

type Failure = readonly [reason: string, seenByServer: string, seenByClient: string];

const noCertificate: Failure = [
  "no_certificate",
  "the caller showed no certificate",
  "the peer wants a certificate, and this process showed none",
];
const expired: Failure = ["expired", "the caller's certificate has expired", "the peer's certificate has expired"];
const otherAuthority: Failure = [
  "unknown_authority",
  "the caller's certificate is of an authority that is not trusted here",
  "the peer's certificate is of an authority that is not trusted here",
];
const refusedByPeer: Failure = [
  "refused_by_caller",
  "the caller does not accept this service's certificate",
  "the peer does not accept this service's certificate",
];
const noTls: Failure = [
  "not_tls",
  "the caller does not speak TLS; is WEFT_MTLS on there?",
  "the peer does not speak TLS; is WEFT_MTLS on there?",
];
const notYetValid: Failure = [
  "not_yet_valid",
  "the caller's certificate is not valid yet; are the clocks right?",
  "the peer's certificate is not valid yet; are the clocks right?",
];
const version: Failure = ["version", "the caller does not offer TLS 1.3", "the peer does not offer TLS 1.3"];
const gone: Failure = [
  "gone",
  "the caller left during the handshake",
  "the peer closed the connection during the handshake; its log may say why",
];
const other: Failure = ["other", "the handshake failed", "the handshake failed"];

/** By the codes of Node and OpenSSL. */
const failures: Readonly<Record<string, Failure>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: noCertificate,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: noCertificate,
  CERT_HAS_EXPIRED: expired,
  CERT_NOT_YET_VALID: notYetValid,
  DEPTH_ZERO_SELF_SIGNED_CERT: otherAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: otherAuthority,
  UNABLE_TO_GET_ISSUER_CERT: otherAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: otherAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: otherAuthority,
  CERT_SIGNATURE_FAILURE: otherAuthority,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: refusedByPeer,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: refusedByPeer,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: refusedByPeer,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: refusedByPeer,
  ERR_SSL_HTTP_REQUEST: noTls,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  ERR_SSL_UNSUPPORTED_PROTOCOL: version,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: version,
  ECONNRESET: gone,
  EPIPE: gone,
};

export interface TlsFailure {
  /** One of a dozen words, for a label. */
  readonly reason: string;
  readonly message: string;
}

/** The failure behind a code of Node or OpenSSL, as the side that asks sees it. */
export function tlsFailure(code: string | undefined, seenBy: "server" | "client"): TlsFailure {
  const [reason, server, client] = failures[code ?? ""] ?? other;
  const message = seenBy === "server" ? server : client;
  return { reason, message: reason === "other" && code !== undefined ? `${message} (${code})` : message };
}
