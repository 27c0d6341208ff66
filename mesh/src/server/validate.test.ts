import { create } from "@bufbuild/protobuf";
import { Code, type ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import {
  GetJwksRequestSchema,
  ListGrantsRequestSchema,
  ValidateTokenRequestSchema,
} from "@weft/proto/weft/auth/v1/auth_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { describe, expect, test } from "vitest";
import { errorReason, errorViolations } from "../service-error.ts";
import { messageValidator, validate, validateMessage } from "./validate.ts";

let handled = 0;
const users = createClient(
  UserService,
  createRouterTransport(
    (router) =>
      router.service(UserService, {
        getUserById: () => {
          handled += 1;
          return {};
        },
        getUsersByIds: () => ({}),
      }),
    { router: { interceptors: [validate()] } },
  ),
);
const refusal = (promise: Promise<unknown>): Promise<ConnectError> =>
  promise.then(
    () => expect.fail("it was answered"),
    (error: unknown) => error as ConnectError,
  );

describe("validate", () => {
  test("lets a sound request reach its handler", async () => {
    await users.getUserById({ userId: "u1" });
    expect(handled).toBe(1);
  });

  test("refuses a bad one before the handler, naming the field as JSON does", async () => {
    const error = await refusal(users.getUserById({ userId: "" }));
    expect(error.code).toBe(Code.InvalidArgument);
    expect(errorReason(error)).toBe("INVALID_FIELDS");
    expect(errorViolations(error)).toMatchObject([{ field: "userId" }]);
    expect(error.rawMessage).toMatch(/^userId: /);
    expect(handled).toBe(1);
  });

  test("names every bad field, with its place in a list", async () => {
    const error = await refusal(users.getUsersByIds({ userIds: ["u1", "", "x".repeat(65)] }));
    expect(errorViolations(error).map(({ field }) => field)).toEqual(["userIds[1]", "userIds[2]"]);
    expect(error.rawMessage).toContain("(and 1 more)");
  });
});

describe("messageValidator", () => {
  const errorOf = (run: () => void): unknown => {
    try {
      run();
    } catch (error) {
      return error;
    }
    return undefined;
  };

  test("is absent for messages that cannot be wrong", () => {
    expect(messageValidator(GetJwksRequestSchema)).toBeUndefined();
    expect(() => validateMessage(GetJwksRequestSchema, create(GetJwksRequestSchema))).not.toThrow();
  });

  test("is one for each message type", () => {
    expect(messageValidator(ValidateTokenRequestSchema)).toBe(messageValidator(ValidateTokenRequestSchema));
  });

  test.each([
    ["a rule", "", "token: must be at least 1 characters"],
    ["storable text", "a\0", "token: must not have NUL characters or halves of surrogate pairs"],
  ])("lets the full check word what breaks %s", (_, token, message) => {
    const check = messageValidator(ValidateTokenRequestSchema);
    const error = errorOf(() => check?.(create(ValidateTokenRequestSchema, { token }))) as ConnectError;
    expect([error.code, error.rawMessage]).toEqual([Code.InvalidArgument, message]);
    expect(check?.(create(ValidateTokenRequestSchema, { token: "a" }))).toBeUndefined();
  });

  test("keeps rules about the message as a whole, which have no quick check", () => {
    const check = messageValidator(ListGrantsRequestSchema);
    const error = errorOf(() => check?.(create(ListGrantsRequestSchema))) as ConnectError;
    expect(error.rawMessage).toContain("user_id or resource is required");
    expect(check?.(create(ListGrantsRequestSchema, { userId: "u1" }))).toBeUndefined();
  });
});
