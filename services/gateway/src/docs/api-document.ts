import type { DescService, JsonObject } from "@bufbuild/protobuf";
import { accessOf, scopeOf } from "@weft/auth/verifier";
import comments from "@weft/proto/comments.json" with { type: "json" };
import { Access } from "@weft/proto/weft/options/v1/access_pb.ts";
import { openApiDocument } from "@weft/transcoding/openapi";
import { isExposed } from "../upstream/exposed-methods.ts";

const introduction = `REST/JSON of every public method. The same methods can be called by Connect and gRPC-Web on this port, and by gRPC on another.

A call carries \`Authorization: Bearer <accessToken>\`; tokens come from \`POST /api/auth/login\`. Programs send an API key in the same place (\`POST /api/auth/api-keys\`), which needs the scope that an operation names; one that names none is closed to keys. It may say how long it waits (\`X-Request-Timeout: 500ms\`; 10 s unless said, 60 s at most) and how it is called in the logs (\`X-Correlation-Id\`, which every answer returns).

Fields are written in lowerCamelCase. A request with a field that is not known is refused. Errors have the form of \`Error\`, with the HTTP status of their code.`;

const errorContent = { content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } };

/** The OpenAPI document of what clients may call of these services. */
export function createApiDocument(services: readonly DescService[], version: string): JsonObject {
  const texts = new Map<string, string>(Object.entries(comments));
  return openApiDocument({
    services,
    include: ({ method }) => isExposed(method),
    info: { title: "Weft", version, description: introduction },
    comment: (fullName) => texts.get(fullName),
    securitySchemes: {
      accessToken: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "An access token of a login." },
      apiKey: { type: "http", scheme: "bearer", description: "An API key that has the scope named beside it." },
    },
    responses: ({ verb }) => ({
      ...(verb === "GET" ? { "304": { description: "What `If-None-Match` names is still the answer." } } : {}),
      "429": { description: "Too many calls; `Retry-After` says when to come back.", ...errorContent },
    }),
    security: (method) => {
      const scope = scopeOf(method);
      const keys = scope === undefined ? {} : { apiKey: [scope] };
      return accessOf(method) === Access.PUBLIC ? {} : { accessToken: [], ...keys };
    },
  });
}
