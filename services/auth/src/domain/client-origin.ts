import type { ClientFacts } from "./ports.ts";

/** What the trail and the mails say of where a call came from. */
export function originOf({ address, userAgent }: ClientFacts): {
  readonly address: string;
  readonly userAgent: string;
} {
  return { address, userAgent };
}
