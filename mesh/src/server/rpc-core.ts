import type { ConnectError } from "@connectrpc/connect";
import type { Admission } from "../admission/admission.ts";
import type { Clock } from "../clock.ts";
import type { DeadlineWheel } from "../deadline-wheel.ts";
import type { Logger } from "../logger.ts";
import type { Random } from "../random.ts";
import type { ServedMethod } from "./served-method.ts";

/** What all unary calls of a server share. */
export interface RpcCore {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly wheel: DeadlineWheel;
  readonly methods: ReadonlyMap<string, ServedMethod>;
  /** Stands for a method that is not served, in metrics and logs. */
  readonly unknownMethod: ServedMethod;
  /** Whether each answer is logged: asked once, since building a line for nobody costs more than the call. */
  readonly logsCalls: boolean;
  /** Calls being worked on or waiting. */
  inFlight: number;
  /** Undefined when every call is taken. */
  readonly admission: Admission | undefined;
  /** Undefined when callers have no names (no mTLS). */
  readonly authorization: CallAuthorization | undefined;
  /** A lane was ended for the reason given. */
  laneFailed(reason: "malformed" | "internal"): void;
}

/** What a call needs of the authorization (identity/authorization.ts). */
export interface CallAuthorization {
  allows(method: string, caller: string | undefined): boolean;
  refusal(method: string, caller: string | undefined): ConnectError;
}
