import { type Client, Code, createClient, createRouterTransport } from "@connectrpc/connect";
import { authenticationInterceptor, type Principal } from "@weft/auth/verifier";
import { type Database, errorReason, errorViolations, openDatabase, serviceError } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { startTestPostgres, type TestPostgres } from "@weft/mesh/testing/stores";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPostgresUserStore } from "../src/adapters/postgres-user-store.ts";
import { Users } from "../src/domain/users.ts";
import { userRpc } from "../src/rpc.ts";

let postgres: TestPostgres;
let database: Database;
let client: Client<typeof UserService>;

beforeAll(async () => {
  postgres = await startTestPostgres();
  database = await openDatabase({
    connectionString: await postgres.createDatabase("users"),
    schema: "user_schema",
    migrationsDir: new URL("../migrations", import.meta.url).pathname,
    applicationName: "user-test",
    logger: silentLogger,
  });
  const users = new Users({
    store: createPostgresUserStore(database, async () => undefined),
    notice: { changed: () => undefined },
    clock: { now: () => Date.UTC(2026, 0, 1) },
  });
  const transport = createRouterTransport((router) => router.service(UserService, userRpc(users)), {
    router: { interceptors: [authenticationInterceptor(verifier)] },
  });
  client = createClient(UserService, transport);
  await client.createUser({
    userId: id(1),
    username: "Ada",
    email: "ada@example.org",
    firstName: "Ada",
    lastName: "L",
  });
  await client.createUser({ userId: id(2), username: "bob", email: "bob@example.org" });
});
afterAll(async () => {
  await database?.close();
  await postgres?.close();
});

const id = (last: number) => `6f1c2a34-0d6b-4f7e-9c1d-00000000000${last}`;
/** Reads the token as "<user id>/<role>". */
const verifier = {
  async verify(token: string): Promise<Principal> {
    const [userId = "", role = ""] = token.split("/");
    if (role === "") throw serviceError(Code.Unauthenticated, "TOKEN_INVALID", "not a token");
    return { userId, username: "", sessionId: "", roles: [role], scopes: undefined, expiresAtMs: 0 };
  },
};
const as = (userId: string, role = "user") => ({ headers: { authorization: `Bearer ${userId}/${role}` } });
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => "accepted",
    (error: unknown) => errorReason(error),
  );

describe("UserService", () => {
  test("answers look-ups in the published form, with the creation in epoch milliseconds", async () => {
    const expected = { userId: id(1), username: "Ada", email: "ada@example.org", firstName: "Ada", lastName: "L" };
    const createdAt = BigInt(Date.UTC(2026, 0, 1));
    expect(await client.getUserById({ userId: id(1) })).toMatchObject({ ...expected, createdAt });
    expect(await client.getUserByUsername({ username: "ADA" })).toMatchObject(expected);
  });

  test("answers a login with the whole user, as that user sees it", async () => {
    const { user } = await client.getUserByLogin({ login: "ADA@example.org" });
    expect(user).toMatchObject({ id: id(1), username: "Ada", email: "ada@example.org", firstName: "Ada" });
    expect(user?.updatedAt).toMatchObject({ seconds: BigInt(Date.UTC(2026, 0, 1) / 1000) });
  });

  test("an unknown user is NOT_FOUND where a user is asked for, and an answer where existence is", async () => {
    for (const call of [
      () => client.getUserById({ userId: "nobody" }),
      () => client.getUserByUsername({ username: "nobody" }),
      () => client.getUserByLogin({ login: "nobody" }),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: Code.NotFound });
      expect(await refusal(call())).toBe("USER_UNKNOWN");
    }
    expect(await client.validateUserExists({ userId: "nobody" })).toMatchObject({ exists: false, username: "" });
    expect(await client.validateUserExists({ userId: id(2) })).toMatchObject({ exists: true, username: "bob" });
  });

  test("gives several users in the order of the request", async () => {
    const { users: found } = await client.getUsersByIds({ userIds: [id(2), "nobody", id(1)] });
    expect(found.map((user) => user.username)).toEqual(["bob", "Ada"]);
  });

  test("a taken name is ALREADY_EXISTS and names its field", async () => {
    const call = client.createUser({ userId: id(3), username: "ADA", email: "new@example.org" });
    const error = await call.catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: Code.AlreadyExists });
    expect(errorViolations(error).map((violation) => violation.field)).toEqual(["username"]);
  });

  test("a user reads and changes their own data and nobody else's; an administrator anybody's", async () => {
    expect((await client.getUser({ userId: id(1) }, as(id(1)))).user?.username).toBe("Ada");
    const changed = await client.updateUser({ userId: id(1), lastName: "Lovelace" }, as(id(1)));
    expect(changed.user).toMatchObject({ username: "Ada", firstName: "Ada", lastName: "Lovelace" });
    expect(await refusal(client.getUser({ userId: id(1) }, as(id(2))))).toBe("NOT_OWN_USER");
    expect(await refusal(client.updateUser({ userId: id(1), lastName: "x" }, as(id(2))))).toBe("NOT_OWN_USER");
    expect((await client.getUser({ userId: id(1) }, as(id(2), "admin"))).user?.lastName).toBe("Lovelace");
  });

  test("an e-mail address takes proof, which the auth service asks for: a token alone changes it for nobody", async () => {
    const address = { userId: id(1), email: "ada@lovelace.example" };
    const error = await client.updateUser(address, as(id(1))).catch((refused: unknown) => refused);
    expect(error).toMatchObject({ code: Code.FailedPrecondition });
    expect(errorViolations(error).map(({ field }) => field)).toEqual(["email"]);
    expect((await client.changeProfile(address)).user).toMatchObject({ email: address.email, firstName: "Ada" });
    const back = { userId: id(1), email: "ada@example.org" };
    expect((await client.updateUser(back, as(id(2), "admin"))).user?.email).toBe(back.email);
  });

  test("without a valid token nobody's data is shown, while the mesh's own look-ups go on", async () => {
    expect(await refusal(client.getUser({ userId: id(1) }))).toBe("TOKEN_MISSING");
    const bad = { headers: { authorization: "Bearer nonsense" } };
    expect(await refusal(client.getUser({ userId: id(1) }, bad))).toBe("TOKEN_INVALID");
    expect(await refusal(client.getUserById({ userId: id(1) }, bad))).toBe("accepted");
  });
});
