/**
 * Why the gateway ends a connection: the close code, whose reason text is the name. 4401 means "get a token and come back",
 * 4429 "come back later and slower", 1012 and 1013 "come back at once".
 */
export const closeCodes = {
  binary_frame: 1003,
  text_frame: 1003,
  frame_too_large: 1009,
  draining: 1012,
  slow_consumer: 1013,
  connect_timeout: 4401,
  token_invalid: 4401,
  token_expired: 4401,
  token_revoked: 4401,
  rate_limited: 4429,
  too_many_connections: 4429,
} as const;

export type CloseReason = keyof typeof closeCodes;

/** The name under which an ending that the client brought about is counted. */
export function clientCloseReason(code: number): "client" | "abnormal" {
  return code === 1006 ? "abnormal" : "client";
}
