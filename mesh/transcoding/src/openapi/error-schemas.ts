import type { JsonObject } from "@bufbuild/protobuf";
import { errorCodeNames } from "../rest-error.ts";
import type { JsonSchema } from "./json-schema.ts";

/*
 * The one error model of rest-error.ts as components. Details are google.rpc messages in JSON; a service may send others
 * than those named here, so anything with a type is allowed.
 */

const detail = (typeName: string, description: string, properties: JsonObject, required: string[]): JsonSchema => ({
  type: "object",
  description,
  properties: { "@type": { const: `type.googleapis.com/${typeName}` }, ...properties },
  required: ["@type", ...required],
});

/** Schemas by the names of their components. */
export const errorSchemas: Readonly<Record<string, JsonSchema>> = {
  Error: {
    type: "object",
    description:
      "What every error looks like. `code` and the `reason` among the details are for programs, `message` is for people.",
    properties: {
      code: { type: "string", enum: [...errorCodeNames] },
      message: { type: "string" },
      details: { type: "array", items: { $ref: "#/components/schemas/ErrorDetail" } },
    },
    required: ["code", "message", "details"],
  },
  ErrorDetail: {
    anyOf: [
      { $ref: "#/components/schemas/ErrorInfo" },
      { $ref: "#/components/schemas/BadRequest" },
      { $ref: "#/components/schemas/RequestInfo" },
      { type: "object", properties: { "@type": { type: "string" } }, required: ["@type"] },
    ],
  },
  ErrorInfo: detail(
    "google.rpc.ErrorInfo",
    "Why, in a form that does not change. There is always one.",
    {
      reason: { type: "string" },
      domain: { type: "string" },
      metadata: { type: "object", additionalProperties: { type: "string" } },
    },
    ["reason", "domain"],
  ),
  BadRequest: detail(
    "google.rpc.BadRequest",
    "The fields at fault, each as the request writes it: `architecture.components[2].id`.",
    {
      fieldViolations: {
        type: "array",
        items: {
          type: "object",
          properties: { field: { type: "string" }, description: { type: "string" } },
          required: ["field", "description"],
        },
      },
    },
    ["fieldViolations"],
  ),
  RequestInfo: detail(
    "google.rpc.RequestInfo",
    "The correlation id of the request, to be named when asking for help.",
    { requestId: { type: "string" } },
    ["requestId"],
  ),
};

/** An answer with an error. */
export function errorResponse(description: string): JsonObject {
  return { description, content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } };
}
