import type { DescMessage, Message } from "@bufbuild/protobuf";
import { createValidator, type Validator, violationsToProto } from "@bufbuild/protovalidate";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { fieldViolationsOf, maxViolations } from "../rest/field-violations.ts";
import { serviceError } from "../service-error.ts";
import { assertStorableText } from "./storable-text.ts";

/**
 * Checks every request against the protovalidate rules of its .proto before the handler sees it. The answer to a bad one
 * is INVALID_ARGUMENT with reason INVALID_FIELDS and one violation per field, so handlers decide on sound input only.
 */
export function validate(): Interceptor {
  return (next) => (request) => {
    if (!request.stream) {
      validateMessage(request.method.input, request.message);
      return next(request);
    }
    const messages = request.message;
    async function* checked() {
      for await (const message of messages) {
        validateMessage(request.method.input, message);
        yield message;
      }
    }
    return next({ ...request, message: checked() });
  };
}

let shared: Validator | undefined;

/** Checks one message; throws what `validate` answers with. Rules are compiled once per process and message type. */
export function validateMessage(schema: DescMessage, message: Message): void {
  assertStorableText(schema, message);
  shared ??= createValidator();
  const result = shared.validate(schema, message);
  if (result.kind === "valid") {
    return;
  }
  if (result.kind === "error") {
    throw new ConnectError("the request could not be checked", Code.Internal, undefined, undefined, result.error);
  }
  const violations = fieldViolationsOf(violationsToProto(result.violations.slice(0, maxViolations))[0]);
  const first = violations[0];
  const others = result.violations.length - 1;
  const more = others > 0 ? ` (and ${others} more)` : "";
  const what =
    first === undefined
      ? "invalid request"
      : `${first.field === "" ? "request" : first.field}: ${first.description}${more}`;
  throw serviceError(Code.InvalidArgument, "INVALID_FIELDS", what, { violations });
}
