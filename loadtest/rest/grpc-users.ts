import * as grpc from "@grpc/grpc-js";
import type { ServedUser } from "./user.ts";
import { userOf } from "./user.ts";
import {
  decodeGetUserRequest,
  decodeGetUserResponse,
  encodeGetUserRequest,
  encodeGetUserResponse,
} from "./user-codec.ts";

/** Both sides of the peer's gRPC call speak by this. */
export const getUser: grpc.MethodDefinition<string, ServedUser> = {
  path: "/weft.user.v1.UserService/GetUser",
  requestStream: false,
  responseStream: false,
  requestSerialize: encodeGetUserRequest,
  requestDeserialize: decodeGetUserRequest,
  responseSerialize: encodeGetUserResponse,
  responseDeserialize: decodeGetUserResponse,
};

/** The same service on grpc-js. */
export function serveGrpcUsers(): Promise<number> {
  const server = new grpc.Server();
  const handler: grpc.handleUnaryCall<string, ServedUser> = ({ request }, answer) => answer(null, userOf(request));
  server.addService({ GetUser: getUser }, { GetUser: handler });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}
