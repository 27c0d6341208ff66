/** AuditService on the wire. No decisions are taken here. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AuditService } from "@weft/proto/weft/auth/v1/audit_service_pb.ts";
import type { DecisionAudit } from "./domain/decision-audit.ts";
import { answered } from "./rpc-errors.ts";
import { requirePrincipal } from "./verifier/principal.ts";

const defaultPageSize = 50;

/** Handlers of weft.auth.v1.AuditService. */
export function auditRpc(audit: DecisionAudit): ServiceImpl<typeof AuditService> {
  return {
    listDecisions: (request, context) =>
      answered(async () => {
        const { userId, resource, pageToken } = request;
        const most = request.pageSize || defaultPageSize;
        const filter = { ...(userId === "" ? {} : { userId }), ...(resource === "" ? {} : { resource }) };
        // One more than asked for, to know whether there is another page.
        const page = { most: most + 1, ...(pageToken === "" ? {} : { beforeId: pageToken }) };
        const found = await audit.list(requirePrincipal(context).userId, filter, page);
        const decisions = found.slice(0, most).map(({ decidedAtMs, ...decision }) => ({
          ...decision,
          decidedAt: timestampFromMs(decidedAtMs),
        }));
        return { decisions, nextPageToken: found.length > most ? (decisions.at(-1)?.id ?? "") : "" };
      }),
  };
}
