import type { CallerPolicy } from "@weft/mesh";

/*
 * Who may call the gateway: anyone, for its callers are clients rather than services. Each call carries its user's token, and
 * TLS for clients ends in front of the gateway.
 */
export const callers: CallerPolicy = {
  "*": ["anyone"],
};
