import type { JsonObject } from "@bufbuild/protobuf";

/** A JSON Schema of draft 2020-12, which is what OpenAPI 3.1 takes; an empty one takes anything. */
export type JsonSchema = Readonly<JsonObject>;

/**
 * Whether a schema is of what clients send or of what they are sent. Requests are held to the rules of validation and may
 * leave fields out; answers have every field that has no presence of its own, and may grow new ones.
 */
export type Direction = "request" | "answer";

/** A schema with a description added in front of its own. */
export function described(schema: JsonSchema, ...texts: readonly (string | undefined)[]): JsonSchema {
  const own = typeof schema.description === "string" ? schema.description : undefined;
  const description = [...texts, own].filter((text) => text !== undefined && text !== "").join("\n\n");
  return description === "" ? schema : { ...schema, description };
}
