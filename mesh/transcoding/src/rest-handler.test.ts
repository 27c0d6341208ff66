import { create, type DescMethod, type Message, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRestHandler, type RestHandlerOptions, type RestRequest, type RestResponse } from "./rest-handler.ts";
import { anyText } from "./testing/any-text.ts";
import { scriptedService } from "./testing/scripted-service.ts";

const { service, item, registry } = scriptedService({
  Get: { rule: { pattern: { case: "get", value: "/items/{id}" } } },
  Create: { rule: { pattern: { case: "post", value: "/items" }, body: "*", responseBody: "main_part" } },
  Hidden: {},
});

const echo: RestHandlerOptions["invoke"] = async (_method, message) => ({ message });

function handlerOf(options: Partial<RestHandlerOptions> = {}) {
  return createRestHandler({ services: [service], invoke: echo, registry, ...options });
}

type Sent = Partial<Omit<RestRequest, "headers" | "body">> & {
  readonly headers?: Record<string, string>;
  readonly body?: string | RestRequest["body"];
};

function request({ headers, body = "", ...rest }: Sent): RestRequest {
  return {
    verb: "GET",
    path: "/items/1",
    query: "",
    signal: new AbortController().signal,
    ...rest,
    headers: new Headers(headers),
    body: typeof body === "string" ? new TextEncoder().encode(body) : body,
  };
}

function bytesOf(response: RestResponse | undefined): Uint8Array {
  if (!(response?.body instanceof Uint8Array)) {
    throw new Error("there is no answer in one piece");
  }
  return response.body;
}

function jsonOf(response: RestResponse | undefined) {
  return JSON.parse(new TextDecoder().decode(bytesOf(response)));
}

const post = { verb: "POST", path: "/items" };

describe("RestHandler.handle", () => {
  test("gives the message, headers and signal to invoke and writes what it returns", async () => {
    const signal = new AbortController().signal;
    const seen: unknown[] = [];
    const handler = handlerOf({
      invoke: async (method, message, context) => {
        seen.push(method.name, toJson(item, message), context.headers.get("x-a"), context.signal);
        return { message, headers: new Headers({ "x-b": "2" }) };
      },
    });
    const response = await handler.handle(request({ query: "count=2", headers: { "x-a": "1" }, signal }));
    expect(seen).toEqual(["Get", { id: "1", count: 2 }, "1", signal]);
    expect(response?.status).toBe(200);
    expect(response?.headers.get("content-type")).toBe("application/json");
    expect(response?.headers.get("x-b")).toBe("2");
    expect(jsonOf(response)).toMatchObject({ id: "1", count: 2, tags: [] });
  });

  test("leaves unknown paths to the caller without reading the body", async () => {
    const body = () => Promise.reject(new Error("read"));
    expect(await handlerOf().handle(request({ path: "/nothing", body }))).toBeUndefined();
    expect(await handlerOf().handle(request({ path: "/items/", body }))).toBeUndefined();
    expect(await handlerOf().handle(request({ verb: "OPTIONS", path: "/nothing", body }))).toBeUndefined();
  });

  test("answers OPTIONS with the methods of the path, without calling anything", async () => {
    const body = () => Promise.reject(new Error("read"));
    const response = await handlerOf().handle(request({ verb: "OPTIONS", body }));
    expect(response?.status).toBe(204);
    expect(response?.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect(bytesOf(response).byteLength).toBe(0);
    expect([handlerOf().allow("/items"), handlerOf().allow("/nothing")]).toEqual(["POST, OPTIONS", undefined]);
  });

  test("gives a rule for any method, or for OPTIONS and HEAD themselves, its requests", async () => {
    const custom = (kind: string, path: string) => ({
      rule: { pattern: { case: "custom", value: { kind, path } } } as const,
    });
    const all = scriptedService({
      Any: custom("*", "/any"),
      Ask: custom("OPTIONS", "/ask"),
      Probe: custom("HEAD", "/probe"),
      Fetch: custom("GET", "/probe"),
    });
    const called: string[] = [];
    const handler = handlerOf({
      services: [all.service],
      invoke: async (method, message) => {
        called.push(method.name);
        return { message };
      },
    });
    for (const [verb, path] of [
      ["OPTIONS", "/any"],
      ["OPTIONS", "/ask"],
      ["HEAD", "/probe"],
      ["GET", "/probe"],
    ] as const) {
      expect((await handler.handle(request({ verb, path })))?.status).toBe(200);
    }
    expect(called).toEqual(["Any", "Ask", "Probe", "Fetch"]);
    expect(handler.allow("/any")).toBe("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  });

  test("answers HEAD as GET without the body", async () => {
    const response = await handlerOf().handle(request({ verb: "HEAD" }));
    expect(response?.status).toBe(200);
    expect(bytesOf(response).byteLength).toBe(0);
  });

  test("answers 405 with the methods the path has", async () => {
    const response = await handlerOf().handle(request({ verb: "delete" }));
    expect(response?.status).toBe(405);
    expect(response?.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    expect(jsonOf(response).message).toBe("only GET, HEAD, OPTIONS can be used on this path");
  });

  test.each([
    [200, undefined],
    [200, "application/json"],
    [200, "application/json; charset=UTF-8"],
    [200, "Application/Merge-Patch+JSON"],
    [415, "text/plain"],
    [415, "application/json; charset=latin1"],
    [415, "application/x-www-form-urlencoded"],
    [415, "application/jsonp"],
  ])("answers %i to a body of type %s", async (status, type) => {
    const headers: Record<string, string> = type === undefined ? {} : { "content-type": type };
    expect((await handlerOf().handle(request({ ...post, headers, body: "{}" })))?.status).toBe(status);
  });

  test("answers 415 to a compressed body", async () => {
    const headers = { "content-encoding": "gzip" };
    expect((await handlerOf().handle(request({ ...post, headers, body: "{}" })))?.status).toBe(415);
  });

  test("asks nothing of the type of an empty body", async () => {
    const response = await handlerOf().handle(request({ ...post, headers: { "content-type": "text/plain" } }));
    expect(response?.status).toBe(200);
  });

  test("answers 413 to a body over the limit and takes one at the limit", async () => {
    const handler = handlerOf({ maxBodyBytes: 2 });
    expect((await handler.handle(request({ ...post, body: "{}" })))?.status).toBe(200);
    const response = await handler.handle(request({ ...post, body: "{ }" }));
    expect(response?.status).toBe(413);
    expect(jsonOf(response).message).toContain("2 bytes");
  });

  test("answers 400 to a path value that is not UTF-8, naming the field", async () => {
    const response = await handlerOf().handle(request({ path: "/items/%ff" }));
    expect(response?.status).toBe(400);
    expect(jsonOf(response).details[0].fieldViolations[0].field).toBe("id");
  });

  test("answers the errors of invoke, reports them, and names the correlation id", async () => {
    const reported: unknown[] = [];
    const failure = new ConnectError("no such item", Code.NotFound);
    const handler = handlerOf({
      invoke: () => Promise.reject(failure),
      onError: (error, { path }, correlationId) => reported.push(error, path, correlationId),
    });
    const response = await handler.handle(request({ headers: { "x-correlation-id": "abc-1" } }));
    expect(response?.status).toBe(404);
    expect(jsonOf(response)).toMatchObject({ code: "not_found", message: "no such item" });
    expect(jsonOf(response).details.at(-1).requestId).toBe("abc-1");
    expect(reported).toEqual([failure, "/items/1", "abc-1"]);
  });

  test("does not take over a correlation id that is not a plain short one", async () => {
    const handler = handlerOf({ invoke: () => Promise.reject(new Error("boom")) });
    const response = await handler.handle(request({ headers: { "x-correlation-id": "a b\t<script>" } }));
    expect(JSON.stringify(jsonOf(response))).not.toContain("RequestInfo");
  });

  test("answers Internal to a response that cannot be written", async () => {
    const attachment = { $typeName: "google.protobuf.Any", typeUrl: "x/no.Such", value: new Uint8Array([1]) };
    const invoke = async () => ({ message: create(item, { attachment } as never) as Message });
    const response = await handlerOf({ invoke }).handle(request({}));
    expect(response?.status).toBe(500);
    expect(jsonOf(response).message).toBe("internal error");
  });

  test("asks for the body before it first waits", () => {
    let asked = false;
    const body = async (_maxBytes: number, method: DescMethod) => {
      asked = method.name === "Create";
      return new Uint8Array();
    };
    void handlerOf().handle(request({ ...post, body }));
    expect(asked).toBe(true);
  });

  test("answers anything at all with a status of its own choice and JSON", async () => {
    const handler = handlerOf();

    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom("GET", "POST", "PUT", "HEAD"),
        fc.oneof(
          fc.constant("/items"),
          anyText.map((text) => `/items/${text}`),
          anyText,
        ),
        anyText,
        fc.uint8Array(),
        async (verb, path, query, body) => {
          const response = await handler.handle(request({ verb, path, query, body }));
          expect([undefined, 200, 400, 405]).toContain(response?.status);
          if (response && verb !== "HEAD") {
            jsonOf(response);
          }
        },
      ),
    );
  });
});

describe("createRestHandler", () => {
  test("refuses a rule on a method with streaming requests at start", () => {
    const streaming = scriptedService({
      Watch: { rule: { pattern: { case: "get", value: "/watch" } }, clientStreaming: true },
    });
    expect(() => handlerOf({ services: [streaming.service] })).toThrow(
      "test.v1.Items.Watch: a method whose requests are a stream",
    );
  });

  test.each([-1, 1.5, Number.NaN])("refuses maxBodyBytes %d", (maxBodyBytes) => {
    expect(() => handlerOf({ maxBodyBytes })).toThrow("maxBodyBytes");
  });
});
