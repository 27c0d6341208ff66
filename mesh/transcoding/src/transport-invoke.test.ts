import { create, type Message } from "@bufbuild/protobuf";
import { createRouterTransport } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { scriptedService } from "./testing/scripted-service.ts";
import { invokeThrough } from "./transport-invoke.ts";

const { service, item, method } = scriptedService({ Get: {}, Watch: { serverStreaming: true } });

test("invokeThrough calls unary methods and streams, without the headers of the HTTP message", async () => {
  const seen: (string | null)[][] = [];
  const transport = createRouterTransport((router) =>
    router.service(service, {
      get: (request: Message, context: { readonly requestHeader: Headers }) => {
        seen.push(["host", "x-a"].map((name) => context.requestHeader.get(name)));
        return request;
      },
      async *watch(request: Message) {
        yield request;
        yield create(item, { id: "2" } as never);
      },
    } as never),
  );
  const invoke = invokeThrough(transport);
  const context = {
    headers: new Headers({ host: "h", "x-a": "1" }),
    signal: new AbortController().signal,
    caller: undefined,
  };
  const asked = create(item, { id: "1" } as never) as Message;
  const one = await invoke(method("Get"), asked, context);
  expect("message" in one && one.message).toMatchObject({ id: "1" });
  expect(seen).toEqual([[null, "1"]]);
  const many = await invoke(method("Watch"), asked, context);
  const ids: unknown[] = [];
  for await (const each of "messages" in many ? many.messages : []) {
    ids.push((each as Message & { readonly id?: string }).id);
  }
  expect(ids).toEqual(["1", "2"]);
});
