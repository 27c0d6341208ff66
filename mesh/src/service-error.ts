import { type DescMessage, fromBinary, toJson } from "@bufbuild/protobuf";
import { ViolationsSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type Code, ConnectError } from "@connectrpc/connect";
import { type FieldViolation, fieldViolationsOf } from "@weft/transcoding";
import { BadRequestSchema, ErrorInfoSchema } from "./error-details.ts";

export interface ServiceErrorOptions {
  readonly violations?: readonly FieldViolation[];
  /** Facts for programs, as strings: ids, limits. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When to try again; becomes the `retry-after-ms` trailer and HTTP's Retry-After. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

/**
 * The one error that services answer with: a Connect code, a stable SCREAMING_SNAKE reason (google.rpc.ErrorInfo), and
 * field violations (google.rpc.BadRequest) where input was refused. Anything else a handler throws leaves as Internal.
 */
export function serviceError(
  code: Code,
  reason: string,
  message: string,
  options: ServiceErrorOptions = {},
): ConnectError {
  const details: { desc: DescMessage; value: Record<string, unknown> }[] = [
    { desc: ErrorInfoSchema, value: { reason, domain: "weft", metadata: options.metadata ?? {} } },
  ];
  if (options.violations !== undefined && options.violations.length > 0) {
    details.push({ desc: BadRequestSchema, value: { fieldViolations: options.violations.map((v) => ({ ...v })) } });
  }
  const headers = options.retryAfterMs === undefined ? undefined : { "retry-after-ms": String(options.retryAfterMs) };
  return new ConnectError(message, code, headers, details, options.cause);
}

/** The machine-readable reason of an error, or undefined when it carries none. */
export function errorReason(error: unknown): string | undefined {
  const info = detailJson(error, ErrorInfoSchema) as { reason?: string } | undefined;
  return info?.reason;
}

/** The metadata of an error's reason; empty when it carries none. */
export function errorMetadata(error: unknown): Readonly<Record<string, string>> {
  const info = detailJson(error, ErrorInfoSchema) as { metadata?: Record<string, string> } | undefined;
  return info?.metadata ?? {};
}

/** The refused fields of an error, from BadRequest or from protovalidate's own detail; empty when it names none. */
export function errorViolations(error: unknown): readonly FieldViolation[] {
  const bad = detailJson(error, BadRequestSchema) as { fieldViolations?: FieldViolation[] } | undefined;
  if (bad?.fieldViolations !== undefined) {
    return bad.fieldViolations;
  }
  if (!(error instanceof ConnectError)) {
    return [];
  }
  const found = error.findDetails(ViolationsSchema)[0];
  return found === undefined ? [] : fieldViolationsOf(found);
}

function detailJson(error: unknown, schema: DescMessage): unknown {
  if (!(error instanceof ConnectError)) {
    return undefined;
  }
  for (const detail of error.details) {
    if ("desc" in detail) {
      if (detail.desc.typeName === schema.typeName) {
        return detail.value;
      }
    } else if (detail.type === schema.typeName) {
      return readDetail(schema, detail.value);
    }
  }
  return undefined;
}

/** A detail that cannot be read says nothing; the code and the message of the error still do. */
function readDetail(schema: DescMessage, value: Uint8Array): unknown {
  try {
    return toJson(schema, fromBinary(schema, value));
  } catch {
    return undefined;
  }
}
