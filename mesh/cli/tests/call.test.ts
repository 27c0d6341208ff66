import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, createFileRegistry, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_timestamp,
} from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ServerReflection } from "@weft/proto/grpc/reflection/v1/reflection_pb.ts";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Store, startRedis } from "../src/stores/index.ts";
import { FakeWorkspace } from "./fake-workspace.ts";

/*
 * A gRPC server whose types the command line has never seen: `shop.v1.OrderService`, described here by hand. Its
 * reflection answers with single files, so that the command has to ask for the imported one by name.
 */
const text = (name: string, number: number) =>
  ({
    name,
    number,
    jsonName: name,
    type: FieldDescriptorProto_Type.STRING,
    label: FieldDescriptorProto_Label.OPTIONAL,
  }) as const;

const message = (name: string, ...field: MessageInitShape<typeof FieldDescriptorProtoSchema>[]) => ({ name, field });

const timestamp = (name: string, number: number) => ({
  ...text(name, number),
  type: FieldDescriptorProto_Type.MESSAGE,
  typeName: ".google.protobuf.Timestamp",
});

const file = create(FileDescriptorProtoSchema, {
  name: "shop/v1/order.proto",
  package: "shop.v1",
  syntax: "proto3",
  dependency: ["google/protobuf/timestamp.proto"],
  messageType: [
    message("GetOrderRequest", text("id", 1)),
    message("Order", text("id", 1), text("customer", 2), timestamp("placedAt", 3)),
  ],
  service: [
    {
      name: "OrderService",
      method: [
        { name: "GetOrder", inputType: ".shop.v1.GetOrderRequest", outputType: ".shop.v1.Order" },
        {
          name: "WatchOrder",
          inputType: ".shop.v1.GetOrderRequest",
          outputType: ".shop.v1.Order",
          serverStreaming: true,
        },
      ],
    },
  ],
});
const files = new Map<string, FileDescriptorProto>([
  [file.name, file],
  ["google/protobuf/timestamp.proto", file_google_protobuf_timestamp.proto],
]);
const registry = createFileRegistry(
  create(FileDescriptorSetSchema, { file: [file_google_protobuf_timestamp.proto, file] }),
);
const service = required(registry.getService("shop.v1.OrderService"));

function required<T>(value: T | undefined): T {
  if (value === undefined) {
    throw new Error("the test's own description is incomplete");
  }
  return value;
}

function routes(router: ConnectRouter): void {
  const order = (id: string, customer: string) => ({ id, customer, placedAt: { seconds: 0n, nanos: 0 } });
  router.service(service, {
    getOrder: (request: { id: string }, context: { requestHeader: Headers }) => {
      if (request.id === "none") {
        throw new ConnectError("there is no such order", Code.NotFound, undefined, [
          { desc: required(registry.getMessage("shop.v1.GetOrderRequest")), value: { id: "none" } },
        ]);
      }
      return order(request.id, context.requestHeader.get("x-customer") ?? "nobody");
    },
    async *watchOrder(request: { id: string }) {
      yield order(request.id, "first");
      yield order(request.id, "second");
    },
  } as never);
  router.service(ServerReflection, {
    async *serverReflectionInfo(requests) {
      for await (const { messageRequest } of requests) {
        const name = messageRequest.case === "fileByFilename" ? messageRequest.value : file.name;
        const found = files.get(name) as FileDescriptorProto;
        yield {
          messageResponse: {
            case: "fileDescriptorResponse" as const,
            value: { fileDescriptorProto: [toBinary(FileDescriptorProtoSchema, found)] },
          },
        };
      }
    },
  });
}

let workspace: FakeWorkspace;
let store: Store;
let server: Http2Server;

beforeAll(async () => {
  workspace = await FakeWorkspace.create([]);
  store = await startRedis({ dataDir: `${workspace.directory}/redis` });
  server = createServer(connectNodeAdapter({ routes }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const redis = new Redis(store.url);
  const record = {
    ...{ name: "order-service", instanceId: "o1", address: "127.0.0.1", status: "ready", health: "healthy" },
    ...{
      ports: { grpc: (server.address() as AddressInfo).port },
      services: [service.typeName],
      startedAtMs: 1,
      timestamp: 1,
    },
  };
  await redis.set("services:order-service:o1", JSON.stringify(record));
  await redis.zadd("services:index", "1", "order-service/o1");
  redis.disconnect();
});

afterAll(async () => {
  server.close();
  await store.stop();
  await workspace.dispose();
});

const call = (...args: string[]) => workspace.run(["call", ...args], { REDIS_URL: store.url });

describe("weft call", () => {
  test("calls by short name with JSON and headers, and prints the answer as JSON", async () => {
    const { code, stdout, stderr } = await call(
      "OrderService/GetOrder",
      '{"id":"7"}',
      "--header",
      "x-customer=Ada",
      "--timeout",
      "5s",
    );
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({ id: "7", customer: "Ada", placedAt: "1970-01-01T00:00:00Z" });
    expect(code).toBe(0);
  });

  test("prints every message of a stream", async () => {
    const { stdout } = await call("shop.v1.OrderService/WatchOrder", '{"id":"7"}');
    expect(stdout.match(/"customer": "(first|second)"/g)).toHaveLength(2);
  });

  test("prints code, message and details of a failure, and exits with 1", async () => {
    const { code, stdout, stderr } = await call("OrderService/GetOrder", '{"id":"none"}');
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("not_found: there is no such order");
    expect(stderr).toContain('shop.v1.GetOrderRequest {"id":"none"}');
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test("names the near ones for an unknown method and an unknown service", async () => {
    expect((await call("OrderService/GetOrdr")).stderr).toMatch(
      /has no method "GetOrdr"\nnext: +did you mean GetOrder/,
    );
    expect((await call("OrdersService/GetOrder")).stderr).toMatch(
      /serves "OrdersService"\nnext: +did you mean shop\.v1\.OrderService/,
    );
  });

  test("says what is wrong with the request, its form or its JSON", async () => {
    expect((await call("OrderService/GetOrder", '{"nr":"7"}')).stderr).toMatch(
      /the request is no shop\.v1\.GetOrderRequest: .*nr/,
    );
    expect((await call("OrderService/GetOrder", "{id:7}")).stderr).toMatch(/the request is not valid JSON/);
    expect((await call("GetOrder")).stderr).toMatch(/"GetOrder" names no method\nnext: +write Service\/Method/);
    expect((await call("OrderService/GetOrder", "{}", "--timeout", "5")).stderr).toMatch(
      /--timeout is "5"; write a number with a unit/,
    );
  });
});
