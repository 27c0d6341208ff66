import { create, createFileRegistry, type DescService, type Message, setExtension } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FieldDescriptorProto_Label as Label,
  MethodOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { http } from "@weft/proto/google/api/annotations_pb.ts";
import { HttpRuleSchema } from "@weft/proto/google/api/http_pb.ts";
import { Access, access } from "@weft/proto/weft/options/v1/access_pb.ts";
import { afterEach, expect, it } from "vitest";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

/*
 * Streams over REST through the whole gateway. No public service streams its answers, so one is described here.
 */

let gateway: GatewayHarness | undefined;

afterEach(() => gateway?.stop());

/** `test.v1.Ticker.Watch`, from a Tick to many, for users, at /api/ticks/{name}. */
function tickerService(): DescService {
  const options = create(MethodOptionsSchema);
  setExtension(options, http, create(HttpRuleSchema, { pattern: { case: "get", value: "/api/ticks/{name}" } }));
  setExtension(options, access, Access.USER);
  const method = {
    name: "Watch",
    inputType: ".test.v1.Tick",
    outputType: ".test.v1.Tick",
    serverStreaming: true,
    options,
  };
  const file = create(FileDescriptorProtoSchema, {
    name: "test/v1/ticker.proto",
    package: "test.v1",
    syntax: "proto3",
    messageType: [
      {
        name: "Tick",
        field: [{ name: "name", number: 1, jsonName: "name", type: Type.STRING, label: Label.OPTIONAL }],
      },
    ],
    service: [{ name: "Ticker", method: [method] }],
  });
  const service = createFileRegistry(file, () => undefined).getService("test.v1.Ticker");
  if (service === undefined) {
    throw new Error("the scripted service is incomplete");
  }
  return service;
}

async function startTicker(
  watch: (asked: Message, context: { readonly signal: AbortSignal }) => AsyncIterable<Message>,
): Promise<string> {
  const service = tickerService();
  gateway = await startGateway({
    peers: { "ticker-service": [service] },
    routes: (router) => router.service(service, { watch } as never),
  });
  return gateway.url;
}

const user = { authorization: "Bearer alice" };

it("sends a stream as lines or as events, with its failure at the end", async () => {
  const url = await startTicker(async function* (asked) {
    yield asked;
    yield asked;
    throw new ConnectError("the ticker stopped", Code.Aborted);
  });
  const lines = await fetch(`${url}/api/ticks/a`, { headers: user });
  expect([lines.status, lines.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
  const [first, second, last, ...more] = (await lines.text()).trimEnd().split("\n");
  expect([first, second, more]).toEqual(['{"result":{"name":"a"}}', '{"result":{"name":"a"}}', []]);
  expect(JSON.parse(last ?? "").error).toMatchObject({ code: "aborted", message: "the ticker stopped" });
  const events = await fetch(`${url}/api/ticks/a`, { headers: { ...user, accept: "text/event-stream" } });
  expect(events.headers.get("content-type")).toBe("text/event-stream");
  expect(await events.text()).toMatch(
    /^data: \{"name":"a"\}\n\ndata: \{"name":"a"\}\n\nevent: failure\ndata: \{"code":"aborted"/,
  );
});

it("answers a stream that may not be had with its status, as it does any call", async () => {
  // biome-ignore lint/correctness/useYield: it fails before its first message
  const url = await startTicker(async function* () {
    throw new ConnectError("not yours", Code.PermissionDenied);
  });
  const answers = [
    await fetch(`${url}/api/ticks/a`),
    await fetch(`${url}/api/ticks/a`, { headers: user }),
    await fetch(`${url}/api/ticks/a`, { headers: { ...user, accept: "image/png" } }),
    await fetch(`${url}/api/ticks/a`, { method: "DELETE", headers: user }),
  ];
  expect(answers.map(({ status }) => status)).toEqual([401, 403, 406, 405]);
  expect(answers[3]?.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
});

it("sends each message as it comes, and ends the call when the client leaves", async () => {
  const ended = Promise.withResolvers<void>();
  const url = await startTicker(async function* (asked, { signal }) {
    yield asked;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    ended.resolve();
  });
  const client = new AbortController();
  const response = await fetch(`${url}/api/ticks/a`, { headers: user, signal: client.signal });
  const reader = (response.body ?? new ReadableStream()).getReader();
  expect(new TextDecoder().decode((await reader.read()).value as Uint8Array)).toBe('{"result":{"name":"a"}}\n');
  client.abort();
  await ended.promise;
});
