import { Code } from "@connectrpc/connect";

/**
 * Everything that can go wrong inside the mesh itself, in one table: what it means for the caller (`code`), and whether
 * repeating the call elsewhere can help (`retryable`). `retryable` ends at our process: what is safe for us to repeat
 * may not be safe for our caller, so it never travels on the wire.
 */
export const meshErrors = {
  NO_INSTANCES: { code: Code.Unavailable, retryable: true, message: "no instance of the service is known" },
  NO_INSTANCE_AVAILABLE: { code: Code.Unavailable, retryable: true, message: "no instance accepts calls now" },
  CONNECT_FAILED: { code: Code.Unavailable, retryable: true, message: "the instance could not be reached" },
  CONNECTION_LOST: { code: Code.Unavailable, retryable: true, message: "the connection ended before the answer" },
  CALL_REFUSED: { code: Code.Unavailable, retryable: true, message: "the instance refused the call unprocessed" },
  OVERLOADED: {
    code: Code.Unavailable,
    retryable: true,
    message: "the instance has more calls than it can answer in time",
  },
  QUEUE_FULL: { code: Code.Unavailable, retryable: true, message: "too many calls wait for a connection" },
  CONNECTION_CEILING: {
    code: Code.ResourceExhausted,
    retryable: false,
    message: "the process may open no more connections",
  },
  DEADLINE_EXCEEDED: { code: Code.DeadlineExceeded, retryable: false, message: "the deadline passed" },
  CANCELED: { code: Code.Canceled, retryable: false, message: "the caller gave up" },
  PROTOCOL_ERROR: { code: Code.Internal, retryable: false, message: "the peer broke the protocol" },
  MESSAGE_TOO_LARGE: { code: Code.ResourceExhausted, retryable: false, message: "the message exceeds the limit" },
  PEER_UNDECLARED: { code: Code.Internal, retryable: false, message: "the service is not among the declared peers" },
  CHANNEL_UNDECLARED: {
    code: Code.Internal,
    retryable: false,
    message: "the channel is not among those declared",
  },
  PORT_TAKEN: { code: Code.FailedPrecondition, retryable: false, message: "a port is taken" },
  CONFIG_INVALID: { code: Code.InvalidArgument, retryable: false, message: "the configuration is invalid" },
} as const satisfies Record<string, { code: Code; retryable: boolean; message: string }>;

export type MeshErrorCode = keyof typeof meshErrors;

/** What becomes of calls in numbers while a peer or the process is in trouble: without a stack (without-stack.ts). */
const endsCalls: ReadonlySet<MeshErrorCode> = new Set<MeshErrorCode>([
  "NO_INSTANCES",
  "NO_INSTANCE_AVAILABLE",
  "CONNECT_FAILED",
  "CONNECTION_LOST",
  "CALL_REFUSED",
  "OVERLOADED",
  "QUEUE_FULL",
  "CONNECTION_CEILING",
  "DEADLINE_EXCEEDED",
  "CANCELED",
]);

/**
 * An error that the mesh itself raises. `sent` says whether bytes of the call may have reached the peer: a call that was
 * not sent may be repeated whatever its method, one that was sent only if the method is idempotent.
 */
export class MeshError extends Error {
  override readonly name = "MeshError";
  readonly meshCode: MeshErrorCode;
  readonly sent: boolean;

  constructor(meshCode: MeshErrorCode, detail?: string, options: { cause?: unknown; sent?: boolean } = {}) {
    const base = meshErrors[meshCode].message;
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = endsCalls.has(meshCode) ? 0 : limit;
    super(
      detail === undefined ? base : `${base}: ${detail}`,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    Error.stackTraceLimit = limit;
    this.meshCode = meshCode;
    this.sent = options.sent ?? false;
  }

  /** The status a caller of the failed call sees. */
  get code(): Code {
    return meshErrors[this.meshCode].code;
  }

  /** Whether another attempt may succeed; whether it is allowed depends on `sent` and the method. */
  get retryable(): boolean {
    return meshErrors[this.meshCode].retryable;
  }
}
