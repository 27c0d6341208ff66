import { once } from "node:events";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { createClient, type Transport } from "@connectrpc/connect";
import { connectNodeAdapter, createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import type { Contender } from "./contender.ts";

/*
 * connect-node over cleartext HTTP/2, with either of its protocols. The server is the same: it tells them apart by
 * content type. The codec is protobuf-es, the only one it has.
 */

const serve: Contender["serve"] = async (handler) => {
  const server = createServer(
    connectNodeAdapter({
      routes: (router) => router.service(AuthService, { validateToken: ({ token }) => handler(token) }),
    }),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port };
};

const connectBy =
  (transportTo: (baseUrl: string) => Transport): Contender["connect"] =>
  async (port) => {
    const client = createClient(AuthService, transportTo(`http://127.0.0.1:${port}`));
    return { validate: (token) => client.validateToken({ token }) };
  };

export const connectGrpc: Contender = {
  id: "connect-grpc",
  label: "connect-node gRPC",
  note: "gRPC over h2c, protobuf-es",
  serve,
  connect: connectBy((baseUrl) => createGrpcTransport({ baseUrl })),
};

export const connectProtocol: Contender = {
  id: "connect",
  label: "connect-node Connect",
  note: "the Connect protocol over h2c with binary messages, protobuf-es",
  serve,
  connect: connectBy((baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true })),
};
