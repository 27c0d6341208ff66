import { create, fromBinary, toBinary, toJsonString } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { GetUserRequestSchema, GetUserResponseSchema, UserSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { describe, expect, it } from "vitest";
import { userIds, userJson, userOf } from "./user.ts";
import {
  decodeGetUserRequest,
  decodeGetUserResponse,
  encodeGetUserRequest,
  encodeGetUserResponse,
} from "./user-codec.ts";

const id = userIds[7] as string;
const { createdAtMs, updatedAtMs, ...texts } = userOf(id);
const message = create(UserSchema, {
  ...texts,
  createdAt: timestampFromMs(createdAtMs),
  updatedAt: timestampFromMs(updatedAtMs),
});

describe("the codec that grpc-js is given", () => {
  it("writes what protobuf-es reads", () => {
    expect(fromBinary(GetUserRequestSchema, encodeGetUserRequest(id)).userId).toBe(id);
    expect(fromBinary(GetUserResponseSchema, encodeGetUserResponse(userOf(id))).user).toEqual(message);
  });

  it("reads what protobuf-es writes", () => {
    const request = toBinary(GetUserRequestSchema, create(GetUserRequestSchema, { userId: id }));
    expect(decodeGetUserRequest(Buffer.from(request))).toBe(id);
    const response = toBinary(GetUserResponseSchema, create(GetUserResponseSchema, { user: message }));
    expect(decodeGetUserResponse(Buffer.from(response))).toEqual(userOf(id));
  });
});

describe("the expected answer", () => {
  it("is the protobuf JSON of the user", () => {
    expect(userJson(id)).toBe(toJsonString(UserSchema, message, { alwaysEmitImplicit: true }));
  });
});
