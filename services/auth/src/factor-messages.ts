import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";
import { clientFacts } from "./client-facts.ts";
import type { Shown } from "./domain/reauthentication.ts";

/** What a request gives beside the access token. */
export function shownIn(
  { password, code }: Pick<Shown, "password" | "code">,
  { requestHeader }: Pick<HandlerContext, "requestHeader">,
): Shown {
  return { password, code, client: clientFacts(requestHeader) };
}

/** Timestamps of a factor; it may never have been used. */
export function times(factor: { readonly createdAtMs: number; readonly lastUsedAtMs: number | undefined }) {
  const { createdAtMs, lastUsedAtMs } = factor;
  return {
    createdAt: timestampFromMs(createdAtMs),
    ...(lastUsedAtMs === undefined ? {} : { lastUsedAt: timestampFromMs(lastUsedAtMs) }),
  };
}
