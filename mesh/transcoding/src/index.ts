/*
 * The public names of @weft/transcoding, one by one. Beside it: `@weft/transcoding/node` (a handler on node:http) and
 * `@weft/transcoding/openapi`.
 */
export { type FieldViolation, fieldViolationsOf, maxViolations } from "./field-violations.ts";
export { HeaderFields, isFieldName } from "./header-fields.ts";
export { type RestBinding, restBindingsOfMethod } from "./http-rule.ts";
export { errorWithHttpStatus, type RestErrorBody, toRestError } from "./rest-error.ts";
export {
  bodyTooLargeError,
  createRestHandler,
  type RestAnswer,
  type RestCaller,
  type RestHandler,
  type RestHandlerOptions,
  type RestInvoke,
  type RestRequest,
  type RestResponse,
} from "./rest-handler.ts";
export { invokeThrough } from "./transport-invoke.ts";
