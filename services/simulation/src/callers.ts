import type { CallerPolicy } from "@weft/mesh";

/* Which services may call which RPC: people run simulations through the gateway, and no service runs one by itself. */
export const callers: CallerPolicy = {
  "*": ["gateway-service"],
};
