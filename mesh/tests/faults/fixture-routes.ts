import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { ConnectRouter } from "@connectrpc/connect";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";

/*
 * What the services of the fault suite do: exactly what a call asks for. `GetUserById` stands for calls that may be
 * repeated, `Login` for those that may not; both echo the id of the call and tell who answered.
 */

export interface Fixture {
  /** Given back with each answer. */
  readonly label: string;
  /** Added to the time of every call. */
  slowMs: number;
  /** Calls that are asked to take time wait for this instead, when it is there. */
  readonly held?: Promise<void>;
  /** Told of each call that may not be repeated, before anything else is done. */
  readonly onRun?: (callId: string) => void;
}

/** How a call is asked for, in the one text field that it has: "id:delay in ms:bytes of the answer". */
export function order(callId: string, delayMs = 0, answerBytes = 0): string {
  return `${callId}:${delayMs}:${answerBytes}`;
}

export function fixtureRoutes(fixture: Fixture): (router: ConnectRouter) => void {
  const work = async (text: string, signal: AbortSignal): Promise<{ id: string; filler: string }> => {
    const [id = "", delayMs, bytes] = text.split(":");
    const takesMs = Number(delayMs) + fixture.slowMs;
    if (takesMs > 0 && fixture.held !== undefined) {
      await fixture.held;
    } else if (takesMs > 0) {
      await pause(takesMs, undefined, { signal });
    }
    // Text that does not become small when it is compressed.
    return { id, filler: randomBytes(Number(bytes)).toString("base64").slice(0, Number(bytes)) };
  };
  return (router) => {
    router.service(UserService, {
      getUserById: async ({ userId }, { signal }) => {
        const { id, filler } = await work(userId, signal);
        return { userId: id, username: fixture.label, firstName: filler };
      },
    });
    router.service(AccountService, {
      login: async ({ login }, { signal }) => {
        fixture.onRun?.(login.split(":")[0] ?? "");
        const { id } = await work(login, signal);
        return { accessToken: id, refreshToken: fixture.label };
      },
    });
  };
}
