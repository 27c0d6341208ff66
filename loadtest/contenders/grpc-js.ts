import * as grpc from "@grpc/grpc-js";
import type { ServedAnswer } from "../workload.ts";
import type { Contender, Handler } from "./contender.ts";
import { encodeAnswer, encodeRequest, readAnswer, readRequest } from "./hand-codec.ts";

/*
 * @grpc/grpc-js on both sides, with the codec written by hand: the most favourable way for it, as its usual codec (made
 * from a .proto at run time) only adds to its cost. One channel carries all calls, which is its default.
 */

const validateToken: grpc.MethodDefinition<string, ServedAnswer> = {
  path: "/weft.auth.v1.AuthService/ValidateToken",
  requestStream: false,
  responseStream: false,
  requestSerialize: encodeRequest,
  requestDeserialize: (bytes) => readRequest(bytes, 0, bytes.length),
  responseSerialize: encodeAnswer,
  responseDeserialize: (bytes) => readAnswer(bytes, 0, bytes.length),
};

export const grpcJs: Contender = {
  id: "grpc-js",
  label: "grpc-js",
  note: "@grpc/grpc-js client and server, hand-written codec, one channel",

  async serve(handler) {
    const server = new grpc.Server();
    server.addService({ ValidateToken: validateToken }, { ValidateToken: unary(handler) });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
    return { port };
  },

  async connect(port, { connections = 1 }) {
    const clients = Array.from({ length: connections }, () => {
      // Channels to one address share a connection unless each keeps its own.
      const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
        "grpc.use_local_subchannel_pool": connections > 1 ? 1 : 0,
      });
      return { call: callOf(client), ready: ready(client) };
    });
    await Promise.all(clients.map((client) => client.ready));
    const first = clients[0];
    if (first === undefined) {
      throw new Error("grpc-js needs a connection");
    }
    return { validate: first.call, openConnections: async () => clients.length };
  },
};

function unary(handler: Handler): grpc.handleUnaryCall<string, ServedAnswer> {
  return (call, callback) => {
    const answer = handler(call.request);
    if (answer instanceof Promise) {
      answer.then(
        (value) => callback(null, value),
        (error: Error) => callback(error),
      );
    } else {
      callback(null, answer);
    }
  };
}

function callOf(client: grpc.Client): (token: string) => Promise<ServedAnswer> {
  const { path, requestSerialize, responseDeserialize } = validateToken;
  return (token) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, token, (error, answer) =>
        error === null && answer !== undefined ? resolve(answer) : reject(error),
      );
    });
}

function ready(client: grpc.Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + 10_000, (error) => (error === undefined ? resolve() : reject(error)));
  });
}
