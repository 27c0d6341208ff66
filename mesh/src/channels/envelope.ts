import type { ChannelPosition, Publication } from "./channel-log.ts";

/*
 * A publication as pub/sub carries it: `<epoch>:<offset>:<payload>`. No JSON text begins like that, so a receiver tells a
 * publication of a channel log from a plain message on the same channel.
 */

export interface PlacedPublication extends Publication {
  readonly epoch: string;
}

const colon = 0x3a;
const zero = 0x30;
const nine = 0x39;
const epochMaxBytes = 64;

export function encodePublication({ epoch, offset }: ChannelPosition, payload: string): string {
  return `${epoch}:${offset}:${payload}`;
}

/** Undefined for a message that no channel log has sent. */
export function decodePublication(message: Buffer): PlacedPublication | undefined {
  const epochEnd = message.indexOf(colon);
  if (epochEnd < 1 || epochEnd > epochMaxBytes || !isEpoch(message, epochEnd)) return undefined;
  let at = epochEnd + 1;
  let offset = 0;
  for (let byte = message[at]; byte !== undefined && byte >= zero && byte <= nine; byte = message[++at]) {
    offset = offset * 10 + (byte - zero);
  }
  if (message[at] !== colon || at === epochEnd + 1 || !Number.isSafeInteger(offset)) return undefined;
  return { epoch: message.toString("latin1", 0, epochEnd), offset, payload: message.toString("utf8", at + 1) };
}

function isEpoch(message: Buffer, end: number): boolean {
  for (let at = 0; at < end; at++) {
    const byte = message[at] ?? 0;
    if (!((byte >= zero && byte <= nine) || (byte >= 0x61 && byte <= 0x7a))) return false;
  }
  return true;
}
