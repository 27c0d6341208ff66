import { readFile } from "node:fs/promises";
import { createSecureServer, createServer, type Http2SecureServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
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
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { ServerReflection } from "@weft/proto/grpc/reflection/v1/reflection_pb.ts";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCertificates } from "../src/certs/make-certificates.ts";
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

const callerKey = createContextKey<string | undefined>(undefined);

function routes(router: ConnectRouter): void {
  const order = (id: string, customer: string) => ({ id, customer, placedAt: { seconds: 0n, nanos: 0 } });
  router.service(service, {
    getOrder: (request: { id: string }, context: HandlerContext) => {
      if (request.id === "none") {
        throw new ConnectError("there is no such order", Code.NotFound, undefined, [
          { desc: required(registry.getMessage("shop.v1.GetOrderRequest")), value: { id: "none" } },
        ]);
      }
      return order(request.id, context.requestHeader.get("x-customer") ?? context.values.get(callerKey) ?? "nobody");
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
let guarded: Http2SecureServer;
let certs: string;

async function register(redis: Redis, name: string, id: string, grpc: number, timestamp: number): Promise<void> {
  const record = {
    ...{ name, instanceId: id, address: "127.0.0.1", status: "ready", health: "healthy" },
    ...{ ports: { grpc }, services: [service.typeName], startedAtMs: 1, timestamp },
  };
  await redis.set(`services:${name}:${id}`, JSON.stringify(record));
  await redis.zadd("services:index", String(timestamp), `${name}/${id}`);
}

/** The same service, for callers with a certificate only. Says as whom it was called. */
async function serveGuarded(): Promise<Http2SecureServer> {
  await makeCertificates({ directory: certs, services: ["vault-service", "desk-service"], nowMs: Date.now() });
  const [ca, cert, key] = await Promise.all(
    ["ca.pem", "vault-service.pem", "vault-service.key"].map((name) => readFile(`${certs}/${name}`)),
  );
  const tls = { ca, cert, key, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" } as const;
  const contextValues = ({ socket }: { socket: unknown }) =>
    createContextValues().set(callerKey, (socket as TLSSocket).getPeerX509Certificate()?.subject);
  const secure = createSecureServer(tls, connectNodeAdapter({ routes, contextValues }));
  await new Promise<void>((resolve) => secure.listen(0, "127.0.0.1", resolve));
  return secure;
}

beforeAll(async () => {
  workspace = await FakeWorkspace.create([]);
  store = await startRedis({ dataDir: `${workspace.directory}/redis` });
  server = createServer(connectNodeAdapter({ routes }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const redis = new Redis(store.url);
  await register(redis, "order-service", "o1", (server.address() as AddressInfo).port, 1);
  certs = `${workspace.directory}/certs`;
  guarded = await serveGuarded();
  await register(redis, "vault-service", "v1", (guarded.address() as AddressInfo).port, 2);
  redis.disconnect();
});

afterAll(async () => {
  server.close();
  guarded.close();
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

describe("weft call where mTLS is on", () => {
  const vault = (...args: string[]) => call("OrderService/GetOrder", '{"id":"7"}', "--instance", "vault", ...args);

  test("shows the certificate of the service that it calls as, by its short name too", async () => {
    for (const as of ["desk", "desk-service"]) {
      const { stdout, stderr } = await vault("--as", as, "--certs", certs);
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toMatchObject({ id: "7", customer: "CN=desk-service" });
    }
  });

  test("finds certificates where WEFT_CERTS_DIR says, and else where `weft up` keeps them", async () => {
    const args = ["call", "OrderService/GetOrder", "{}", "--instance", "vault", "--as", "desk"];
    const { directory } = workspace;
    for (const env of [{ WEFT_CERTS_DIR: certs }, { WEFT_STATE_DIR: directory }]) {
      expect((await workspace.run(args, { REDIS_URL: store.url, ...env })).stdout).toContain("CN=desk-service");
    }
    const { stderr } = await workspace.run(args, { REDIS_URL: store.url });
    expect(stderr).toMatch(/no certificates in .*\/\.weft\/certs: ENOENT.*\nnext: +make them with `weft certs`, or/);
  });

  test("says what to do when no identity was given", async () => {
    const { code, stdout, stderr } = await vault();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(
      /v1 takes calls from services only \(mTLS is on\), and this call has no identity\nnext: +.*--as <service>/,
    );
  });

  test("names the services that there are for one that has no certificate", async () => {
    expect((await vault("--as", "nobody", "--certs", certs)).stderr).toMatch(
      /no certificate of "nobody" in .*\nnext: +choose from: desk-service, vault-service/,
    );
  });

  test("refuses an instance that is not the service it is registered as", async () => {
    const redis = new Redis(store.url);
    await register(redis, "other-service", "v2", (guarded.address() as AddressInfo).port, 3);
    const { code, stderr } = await call(
      "OrderService/GetOrder",
      "{}",
      "--instance",
      "v2",
      "--as",
      "desk",
      "--certs",
      certs,
    );
    await redis.del("services:other-service:v2");
    await redis.zrem("services:index", "other-service/v2");
    redis.disconnect();
    expect(code).toBe(1);
    expect(stderr).toContain(
      "service/other-service was dialled, and spiffe://weft.local/service/vault-service answered",
    );
  });

  test("says that the peer speaks no TLS when an identity was given for nothing", async () => {
    const { code, stderr } = await call(
      "OrderService/GetOrder",
      "{}",
      "--instance",
      "order",
      "--as",
      "desk",
      "--certs",
      certs,
    );
    expect(code).toBe(1);
    expect(stderr).toContain("the peer does not speak TLS");
  });
});
