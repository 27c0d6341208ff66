import type { Credential } from "./credential.ts";
import type { Position } from "./protocol.ts";

export interface WantedChannel {
  readonly channel: string;
  /** Up to where it is known; undefined when nothing is. */
  readonly from: Position | undefined;
}

/**
 * The request of a stream of events with these channels: positions as an event's id has them, the base64url of a JSON object
 * of channel to [epoch, offset]; a token in the header, as URLs end up in logs, and a ticket in the URL.
 */
export function streamRequestOf(
  url: string,
  channels: readonly WantedChannel[],
  credential: Credential,
): { readonly url: string; readonly headers: Record<string, string> } {
  const query = [`channels=${channels.map(({ channel }) => encodeURIComponent(channel)).join(",")}`];
  const headers: Record<string, string> = {};
  if ("ticket" in credential) {
    query.push(`ticket=${encodeURIComponent(credential.ticket)}`);
  } else {
    headers.authorization = `Bearer ${credential.token}`;
  }
  const known = channels.flatMap(({ channel, from }) =>
    from === undefined ? [] : [[channel, [from.epoch, from.offset]] as const],
  );
  if (known.length > 0) {
    const id = btoa(JSON.stringify(Object.fromEntries(known)));
    headers["last-event-id"] = id.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  }
  return { url: `${url}?${query.join("&")}`, headers };
}
