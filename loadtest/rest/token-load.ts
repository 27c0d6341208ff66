import { weft } from "../contenders/weft.ts";
import { runOpenLoop } from "../processes/load.ts";
import type { LoadResult, TokenLoadOrder } from "../processes/orders.ts";

const connected = new Map<string, ReturnType<typeof weft.connect>>();

/** Calls of ValidateToken to a service, through the mesh, as the callers of the auth service make them. */
export async function runTokenLoad({ redisUrl, serviceName, tokens, ...phase }: TokenLoadOrder): Promise<LoadResult> {
  const client = connected.get(serviceName) ?? weft.connect(0, { redisUrl, serviceName });
  connected.set(serviceName, client);
  return runOpenLoop(await client, phase, tokens);
}
