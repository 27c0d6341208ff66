/*
 * The public names of @weft/transcoding/openapi, one by one.
 */
export type { CommentOf } from "./message-schemas.ts";
export { type OpenApiOptions, openApiDocument } from "./openapi-document.ts";
