import { create, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { createRestHandler, type RestHandlerOptions, type RestRequest, type RestResponse } from "./rest-handler.ts";
import { scriptedService } from "./testing/scripted-service.ts";

const { service, item } = scriptedService({
  Watch: {
    rule: { pattern: { case: "get", value: "/items/{id}:watch" }, responseBody: "main_part" },
    serverStreaming: true,
  },
  Search: { rule: { pattern: { case: "post", value: "/items:search" }, body: "*" }, serverStreaming: true },
});

const part = (id: string) => create(item, { mainPart: { id } } as never) as Message;

type Ended = { early: boolean };

/** Gives the parts, then throws `failure` if there is one; notes whether it was ended before. */
async function* parts(ids: readonly string[], failure?: unknown, ended: Ended = { early: false }) {
  let done = false;
  try {
    for (const id of ids) {
      yield part(id);
    }
    done = true;
  } finally {
    ended.early = !done;
  }
  if (failure !== undefined) {
    throw failure;
  }
}

function ask(
  messages: AsyncIterable<Message>,
  sent: Partial<RestRequest> = {},
  options: Partial<RestHandlerOptions> = {},
) {
  const handler = createRestHandler({ services: [service], invoke: async () => ({ messages }), ...options });
  return handler.handle({
    verb: "GET",
    path: "/items/7:watch",
    query: "",
    headers: new Headers(),
    body: new Uint8Array(),
    signal: new AbortController().signal,
    ...sent,
  });
}

async function textOf(response: RestResponse | undefined): Promise<string> {
  if (response === undefined) {
    return "";
  }
  if (response.body instanceof Uint8Array) {
    return new TextDecoder().decode(response.body);
  }
  let text = "";
  for await (const piece of response.body) {
    text += new TextDecoder().decode(piece);
  }
  return text;
}

const sse = { headers: new Headers({ accept: "text/event-stream" }) };
const lost = new ConnectError("the source is lost", Code.DataLoss);

describe("a server stream over REST", () => {
  test("is a line of JSON per message, of the field that the rule names", async () => {
    const response = await ask(parts(["a", "b"]));
    expect([response?.status, response?.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
    const lines = (await textOf(response)).trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      ["a", "b"].map((id) => ({ result: { id, size: 0, partNames: [] } })),
    );
  });

  test("is a series of events with an end, for who asks for them", async () => {
    const response = await ask(parts(["a"]), sse);
    expect(response?.headers.get("content-type")).toBe("text/event-stream");
    expect(await textOf(response)).toBe('data: {"id":"a","size":0,"partNames":[]}\n\nevent: end\ndata: {}\n\n');
  });

  test("may be empty", async () => {
    expect(await textOf(await ask(parts([])))).toBe("");
    expect(await textOf(await ask(parts([]), sse))).toBe("event: end\ndata: {}\n\n");
  });

  test("answers a failure before the first message with its status", async () => {
    const denied = new ConnectError("not yours", Code.PermissionDenied);
    const response = await ask(parts([], denied), sse);
    expect([response?.status, response?.headers.get("content-type")]).toEqual([403, "application/json"]);
    expect(JSON.parse(await textOf(response)).message).toBe("not yours");
  });

  test("ends with the error of a failure in its middle, reported once, without detail of a foreign one", async () => {
    const reported: unknown[] = [];
    const onError = (error: unknown) => reported.push(error);
    const headers = new Headers({ "x-correlation-id": "c-1" });
    const lines = (await textOf(await ask(parts(["a"], lost), { headers }, { onError }))).trimEnd().split("\n");
    expect(lines).toHaveLength(2);
    const last = JSON.parse(lines[1] ?? "").error;
    expect([last.code, last.message, last.details.at(-1).requestId]).toEqual([
      "data_loss",
      "the source is lost",
      "c-1",
    ]);
    const events = await textOf(await ask(parts(["a"], new Error("password=1")), sse, { onError }));
    expect(events).toContain('event: failure\ndata: {"code":"internal","message":"internal error"');
    expect(events).not.toContain("event: end");
    expect(reported).toEqual([lost, new Error("password=1")]);
  });

  test("ends with an error where a message cannot be written, and ends the call", async () => {
    const ended: Ended = { early: false };
    async function* bad() {
      try {
        yield part("a");
        yield create(item, {
          attachment: { $typeName: "google.protobuf.Any", typeUrl: "x/no.Such", value: new Uint8Array([1]) },
        } as never) as Message;
        yield part("b");
      } finally {
        ended.early = true;
      }
    }
    const body = { verb: "POST", path: "/items:search" };
    const lines = (await textOf(await ask(bad(), body))).trimEnd().split("\n");
    expect(lines.map((line) => Object.keys(JSON.parse(line)))).toEqual([["result"], ["error"]]);
    expect(ended.early).toBe(true);
  });

  test("ends the call when its reader stops, also before the first piece", async () => {
    for (const piecesRead of [0, 1]) {
      const ended: Ended = { early: false };
      const response = await ask(parts(["a", "b"], undefined, ended));
      if (response === undefined || response.body instanceof Uint8Array) {
        throw new Error("the answer is no stream");
      }
      const pieces = response.body[Symbol.asyncIterator]();
      for (let i = 0; i < piecesRead; i++) {
        await pieces.next();
      }
      await pieces.return?.();
      expect(ended.early).toBe(true);
      expect(await pieces.next()).toEqual({ done: true, value: undefined });
    }
  });

  test("answers HEAD with the headers of GET, and ends the call", async () => {
    const ended: Ended = { early: false };
    const response = await ask(parts(["a", "b"], undefined, ended), { verb: "HEAD" });
    expect([response?.status, response?.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
    expect(await textOf(response)).toBe("");
    expect(ended.early).toBe(true);
  });

  test("answers 406 to who takes neither form, without calling", async () => {
    const headers = new Headers({ accept: "application/json" });
    const invoke = () => Promise.reject(new Error("called"));
    const response = await ask(parts([]), { headers }, { invoke });
    expect(response?.status).toBe(406);
    expect(await textOf(response)).toContain("application/x-ndjson or text/event-stream");
  });
});
