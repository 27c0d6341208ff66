import { hash } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { entityTag, isKnownTag } from "../http/entity-tag.ts";
import type { HttpRequest, HttpResponse } from "../http/http-server.ts";
import { docsPage, docsStyle } from "./docs-page.ts";

/*
 * The document of the API and the page that shows it, made when first asked for (a third of a second of a processor, most
 * of it for compiling rules, which no start should wait for) and kept: they change with the version only. Caches may keep them and must ask each time, which a tag answers without a body.
 */

/** The pages by their path. */
export type ApiPages = Readonly<
  Record<"/openapi.json" | "/docs", (request: Pick<HttpRequest, "headers">) => HttpResponse>
>;

/** No script, no other host, nothing that is not on the page; its one style sheet is known by its hash. */
const pagePolicy = `default-src 'none'; style-src 'sha256-${hash("sha256", docsStyle, "base64")}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

export function createApiPages(createDocument: () => JsonObject): ApiPages {
  let made: JsonObject | undefined;
  const document = (): JsonObject => {
    made ??= createDocument();
    return made;
  };
  return {
    "/openapi.json": keptPage({ "content-type": "application/json" }, () => JSON.stringify(document())),
    "/docs": keptPage({ "content-type": "text/html; charset=utf-8", "content-security-policy": pagePolicy }, () =>
      docsPage(document()),
    ),
  };
}

function keptPage(headers: Readonly<Record<string, string>>, write: () => string) {
  let page: { readonly body: Uint8Array; readonly tag: string } | undefined;
  return (request: Pick<HttpRequest, "headers">): HttpResponse => {
    if (page === undefined) {
      const body = Buffer.from(write());
      page = { body, tag: entityTag(body) };
    }
    const { body, tag } = page;
    const sent = new Headers({ ...headers, etag: tag, "cache-control": "no-cache" });
    const known = request.headers.get("if-none-match");
    return known !== null && isKnownTag(known, tag)
      ? { status: 304, headers: sent, body: new Uint8Array() }
      : { status: 200, headers: sent, body };
  };
}
