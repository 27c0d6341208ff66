import { create, fromBinary, type JsonValue, type Registry, toJson } from "@bufbuild/protobuf";
import { ViolationsSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { Code, ConnectError } from "@connectrpc/connect";
import { type FieldViolation, fieldViolationsOf } from "./field-violations.ts";
import { HeaderFields } from "./header-fields.ts";

/*
 * The one error model, as REST clients see it: the Connect code as a string, a message, and the details of google.rpc as
 * JSON objects with "@type": BadRequest (field violations), ErrorInfo (a stable reason), RequestInfo (correlation id).
 *
 * Whatever is not a ConnectError is a fault of ours: the client learns "internal" and its correlation id, nothing else.
 * The same goes for the message of Unknown, which is how a foreign error looks once something has wrapped it. Logging the
 * cause is left to the caller, who still has the error.
 */

/** The JSON body of every REST error. */
export type RestErrorBody = {
  readonly code: string;
  readonly message: string;
  readonly details: readonly JsonValue[];
};

/** An error as an HTTP answer, its body not yet written. */
export type RestErrorResponse = { readonly status: number; readonly headers: Headers; readonly body: RestErrorBody };

export type RestErrorOptions = {
  /** Becomes google.rpc.RequestInfo; left out when absent. */
  readonly correlationId?: string | undefined;
  /** The types of details that arrive as bytes from other services; those it lacks are left out of the answer. */
  readonly registry?: Registry | undefined;
  /** The `domain` of an ErrorInfo that the error does not bring itself. Default "weft". */
  readonly domain?: string | undefined;
};

type ErrorDetail = ConnectError["details"][number];

const codes = {
  [Code.Canceled]: ["canceled", 499],
  [Code.Unknown]: ["unknown", 500],
  [Code.InvalidArgument]: ["invalid_argument", 400],
  [Code.DeadlineExceeded]: ["deadline_exceeded", 504],
  [Code.NotFound]: ["not_found", 404],
  [Code.AlreadyExists]: ["already_exists", 409],
  [Code.PermissionDenied]: ["permission_denied", 403],
  [Code.ResourceExhausted]: ["resource_exhausted", 429],
  [Code.FailedPrecondition]: ["failed_precondition", 400],
  [Code.Aborted]: ["aborted", 409],
  [Code.OutOfRange]: ["out_of_range", 400],
  [Code.Unimplemented]: ["unimplemented", 501],
  [Code.Internal]: ["internal", 500],
  [Code.Unavailable]: ["unavailable", 503],
  [Code.DataLoss]: ["data_loss", 500],
  [Code.Unauthenticated]: ["unauthenticated", 401],
} as const satisfies Record<Code, readonly [string, number]>;

/** What `code` may say. */
export const errorCodeNames: readonly string[] = Object.values(codes).map(([name]) => name);

/** The only metadata of an error that is meant for an HTTP client; the rest stays inside. */
const forwardedHeaders = ["allow", "retry-after", "www-authenticate"] as const;

const typeUrlPrefix = "type.googleapis.com/";

/** Statuses that no code maps to (405, 413, 415), by the error they belong to. */
const statusOfError = new WeakMap<ConnectError, number>();

/**
 * A ConnectError whose REST answer has a status of its own, for refusals that exist only in HTTP. `headers` are sent if
 * they are Allow, Retry-After or WWW-Authenticate.
 */
export function errorWithHttpStatus(
  status: number,
  code: Code,
  message: string,
  headers?: Record<string, string>,
): ConnectError {
  const error = new ConnectError(message, code, headers);
  statusOfError.set(error, status);
  return error;
}

/**
 * Any error as a REST answer. Never throws. An ErrorInfo is always among the details: the error's own, or one whose
 * reason is the code in capitals. Unavailable gets `Retry-After: 1` unless the error says otherwise.
 */
export function toRestError(error: unknown, options: RestErrorOptions = {}): RestErrorResponse {
  const known = error instanceof ConnectError && error.code in codes ? error : undefined;
  const code = known?.code ?? Code.Internal;
  const [name, mappedStatus] = codes[code];
  const headers = new HeaderFields([["content-type", "application/json"]]);
  for (const header of forwardedHeaders) {
    const value = known?.metadata.get(header);
    if (value) {
      headers.set(header, value);
    }
  }
  if (code === Code.Unavailable && !headers.has("retry-after")) {
    headers.set("retry-after", "1");
  }
  return {
    status: (known && statusOfError.get(known)) ?? mappedStatus,
    headers,
    body: {
      code: name,
      message: known && code !== Code.Unknown ? known.rawMessage : `${name} error`,
      details: detailsOf(known?.details ?? [], name, options),
    },
  };
}

function detailsOf(details: readonly ErrorDetail[], name: string, options: RestErrorOptions): JsonValue[] {
  const fieldViolations: FieldViolation[] = [];
  const others: JsonValue[] = [];
  for (const detail of details) {
    const violations = violationsOf(detail);
    if (violations) {
      fieldViolations.push(...violations);
      continue;
    }
    const json = jsonOf(detail, options.registry);
    if (json !== undefined) {
      others.push(json);
    }
  }
  const list: JsonValue[] = [];
  if (fieldViolations.length > 0) {
    list.push({ "@type": `${typeUrlPrefix}google.rpc.BadRequest`, fieldViolations });
  }
  if (!others.some((detail) => isType(detail, "google.rpc.ErrorInfo"))) {
    const reason = name.toUpperCase();
    list.push({ "@type": `${typeUrlPrefix}google.rpc.ErrorInfo`, reason, domain: options.domain ?? "weft" });
  }
  list.push(...others);
  if (options.correlationId !== undefined) {
    list.push({ "@type": `${typeUrlPrefix}google.rpc.RequestInfo`, requestId: options.correlationId });
  }
  return list;
}

function violationsOf(detail: ErrorDetail): FieldViolation[] | undefined {
  const typeName = "desc" in detail ? detail.desc.typeName : detail.type;
  if (typeName !== ViolationsSchema.typeName) {
    return undefined;
  }
  try {
    return fieldViolationsOf(
      "desc" in detail ? create(ViolationsSchema, detail.value) : fromBinary(ViolationsSchema, detail.value),
    );
  } catch {
    // Bytes that claim to be violations and are not: the code and the message still stand.
    return [];
  }
}

function jsonOf(detail: ErrorDetail, registry: Registry | undefined): JsonValue | undefined {
  const desc = "desc" in detail ? detail.desc : registry?.getMessage(detail.type);
  if (!desc) {
    return undefined;
  }
  try {
    const message = "desc" in detail ? create(desc, detail.value) : fromBinary(desc, detail.value);
    const json = toJson(desc, message, registry ? { registry } : {});
    const type = { "@type": `${typeUrlPrefix}${desc.typeName}` };
    return isObject(json) ? { ...type, ...json } : { ...type, value: json };
  } catch {
    return undefined;
  }
}

function isType(json: JsonValue, typeName: string): boolean {
  return isObject(json) && json["@type"] === `${typeUrlPrefix}${typeName}`;
}

function isObject(json: JsonValue): json is { [key: string]: JsonValue } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
