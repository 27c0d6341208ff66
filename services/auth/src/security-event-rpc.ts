import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import type { SecurityEvents } from "./domain/security-events.ts";
import { answered } from "./rpc-errors.ts";
import { requirePrincipal } from "./verifier/principal.ts";

const defaultPageSize = 50;

/** The handler of AccountService that shows users what happened to their own account. */
export function securityEventRpc(
  trail: SecurityEvents,
): Pick<ServiceImpl<typeof AccountService>, "listSecurityEvents"> {
  return {
    listSecurityEvents: (request, context) =>
      answered(async () => {
        const most = request.pageSize || defaultPageSize;
        const beforeId = request.pageToken;
        // One more than asked for, to know whether there is another page.
        const page = { most: most + 1, ...(beforeId === "" ? {} : { beforeId }) };
        const found = await trail.list(requirePrincipal(context).userId, page);
        const events = found.slice(0, most).map(({ happenedAtMs, ...event }) => ({
          ...event,
          happenedAt: timestampFromMs(happenedAtMs),
        }));
        return { events, nextPageToken: found.length > most ? (events.at(-1)?.id ?? "") : "" };
      }),
  };
}
