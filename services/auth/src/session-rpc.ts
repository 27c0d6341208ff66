import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import type { SessionSchema } from "@weft/proto/weft/auth/v1/session_pb.ts";
import type { OpenSession } from "./domain/ports.ts";
import type { Reauthentication } from "./domain/reauthentication.ts";
import type { SessionCaller, Sessions } from "./domain/sessions.ts";
import { answered } from "./rpc-errors.ts";
import { requirePrincipal } from "./verifier/principal.ts";

/** The session that calls, from its access token; throws UNAUTHENTICATED without one. */
export function sessionCaller(context: Pick<HandlerContext, "values">): SessionCaller {
  const { userId, sessionId } = requirePrincipal(context);
  return { userId, sessionId };
}

/** The handlers of AccountService that list and end the caller's own sessions. */
export function sessionRpc(
  sessions: Sessions,
  reauthentication: Reauthentication,
): Pick<ServiceImpl<typeof AccountService>, "listSessions" | "endSession" | "endOtherSessions"> {
  return {
    listSessions: (_request, context) =>
      answered(async () => {
        const caller = sessionCaller(context);
        const open = await sessions.listOpen(caller.userId);
        return { sessions: open.map((session) => sessionMessage(session, caller.sessionId)) };
      }),
    endSession: (request, context) =>
      answered(async () => {
        const caller = sessionCaller(context);
        // Ending its own is a logout, which asks nothing.
        if (request.sessionId !== caller.sessionId) {
          await reauthentication.assertRecent(caller, request.password);
        }
        await sessions.endOwn(caller, request.sessionId);
        return {};
      }),
    endOtherSessions: (request, context) =>
      answered(async () => {
        const caller = sessionCaller(context);
        await reauthentication.assertRecent(caller, request.password);
        return { ended: await sessions.endOthers(caller) };
      }),
  };
}

function sessionMessage(session: OpenSession, current: string): MessageInitShape<typeof SessionSchema> {
  const { sessionId: id, userAgent, address, openedAtMs, lastUsedAtMs, expiresAtMs } = session;
  return {
    id,
    userAgent,
    address,
    createdAt: timestampFromMs(openedAtMs),
    lastUsedAt: timestampFromMs(lastUsedAtMs),
    expiresAt: timestampFromMs(expiresAtMs),
    current: id === current,
  };
}
