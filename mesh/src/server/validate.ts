import type { DescMessage, Message } from "@bufbuild/protobuf";
import { createValidator, type Validator, violationsToProto } from "@bufbuild/protovalidate";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { fieldViolationsOf, maxViolations } from "@weft/transcoding";
import { serviceError } from "../service-error.ts";
import { createQuickCheck } from "./quick-check/quick-check.ts";
import { hasChecks } from "./quick-check/what-to-check.ts";
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

const validators = new WeakMap<DescMessage, ((message: Message) => void) | "nothing to check">();

/**
 * What checks messages of one type, as `validateMessage` does; undefined when there is nothing to check. Made once per
 * type: who calls often keeps it.
 */
export function messageValidator(desc: DescMessage): ((message: Message) => void) | undefined {
  let validator = validators.get(desc);
  if (validator === undefined) {
    validator = hasChecks(desc) ? createMessageValidator(desc) : "nothing to check";
    validators.set(desc, validator);
  }
  return validator === "nothing to check" ? undefined : validator;
}

/** Nearly every message is valid and found so by the quick check; protovalidate decides on the others. */
function createMessageValidator(desc: DescMessage): (message: Message) => void {
  const isSurelyValid = createQuickCheck(desc);
  return isSurelyValid === undefined
    ? (message) => decide(desc, message)
    : (message) => {
        if (!isSurelyValid(message)) {
          decide(desc, message);
        }
      };
}

/** Checks one message; throws what `validate` answers with. */
export function validateMessage(schema: DescMessage, message: Message): void {
  messageValidator(schema)?.(message);
}

let shared: Validator | undefined;

/** Rules are compiled once per process and message type. */
function decide(schema: DescMessage, message: Message): void {
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
