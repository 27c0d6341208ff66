import { Code, type ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { describe, expect, test } from "vitest";
import { errorReason, errorViolations } from "../service-error.ts";
import { validate } from "./validate.ts";

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
