import { type Client, Code, ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { authenticationInterceptor, type Principal } from "@weft/auth/verifier";
import { type Database, errorReason, errorViolations, openDatabase, serviceError, validateMessage } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { startTestPostgres, type TestPostgres } from "@weft/mesh/testing/stores";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { authAccess } from "../src/adapters/auth-access.ts";
import { PostgresProjectStore } from "../src/adapters/postgres-project-store.ts";
import { PostgresTemplateStore } from "../src/adapters/postgres-template-store.ts";
import { userDirectory } from "../src/adapters/user-directory.ts";
import { systemTemplates } from "../src/domain/architecture/templates/index.ts";
import { importArchitecture } from "../src/domain/formats.ts";
import { Projects } from "../src/domain/projects.ts";
import { Templates } from "../src/domain/templates.ts";
import { projectRpc } from "../src/rpc.ts";

let postgres: TestPostgres;
let database: Database;
let client: Client<typeof ProjectService>;
/** "<user> <resource>" to role, as the auth service would keep it. */
const roles = new Map<string, string>();
/** What a peer answers to everything, when it is not to answer. */
const broken: { auth?: ConnectError; user?: ConnectError } = {};

const rights: Record<string, string[]> = {
  viewer: ["project.read"],
  editor: ["project.read", "project.write"],
  owner: ["project.read", "project.write", "project.share", "project.delete"],
};
const auth = createRouterTransport(({ service }) =>
  service(AuthService, {
    checkPermission: ({ userId, permission, resource }) => {
      if (broken.auth !== undefined) throw broken.auth;
      if (!/^project:[\w.-]+$/.test(resource)) throw new ConnectError("resource", Code.InvalidArgument);
      const role = roles.get(`${userId} ${resource}`) ?? "";
      return { allowed: rights[role]?.includes(permission) ?? false, role };
    },
    grantRole: ({ userId, role, resource }) => {
      if (broken.auth !== undefined) throw broken.auth;
      roles.set(`${userId} ${resource}`, role);
      return {};
    },
    validateUser: ({ userId }) => {
      const user = { userId, username: "service:deploy" };
      return userId === "s1" ? { valid: true, user } : { valid: false };
    },
    revokeRole: ({ userId, resource }) => {
      for (const key of [...roles.keys()]) {
        if (userId === "" ? key.endsWith(` ${resource}`) : key === `${userId} ${resource}`) roles.delete(key);
      }
      return {};
    },
  }),
);
const users = [
  { userId: "u1", username: "ada", email: "ada@example.org" },
  { userId: "u2", username: "bob", email: "bob@example.org" },
];
const userService = createRouterTransport(({ service }) => {
  const find = (what: (user: (typeof users)[number]) => boolean) => {
    if (broken.user !== undefined) throw broken.user;
    const user = users.find(what);
    if (user === undefined) throw new ConnectError("unknown", Code.NotFound);
    return user;
  };
  service(UserService, {
    getUserById: ({ userId }) => find((user) => user.userId === userId),
    getUserByUsername: ({ username }) => find((user) => user.username === username),
    getUserByLogin: ({ login }) => {
      const { userId, username } = find((user) => user.email === login);
      return { user: { id: userId, username } };
    },
    getUsersByIds: ({ userIds }) => {
      if (broken.user !== undefined) throw broken.user;
      return { users: users.filter((user) => userIds.includes(user.userId)) };
    },
  });
});

/** Reads the token as "<user id>/<username>". */
const verifier = {
  async verify(token: string): Promise<Principal> {
    const [userId = "", username = ""] = token.split("/");
    if (username === "") throw serviceError(Code.Unauthenticated, "TOKEN_INVALID", "not a token");
    return { userId, username, sessionId: "", roles: ["user"], scopes: undefined, expiresAtMs: 0 };
  },
};
const as = (name: "ada" | "bob" | "eve") => ({
  headers: { authorization: `Bearer ${{ ada: "u1", bob: "u2", eve: "u3" }[name]}/${name}` },
});

beforeAll(async () => {
  postgres = await startTestPostgres();
  database = await openDatabase({
    connectionString: await postgres.createDatabase("projects"),
    schema: "project_schema",
    migrationsDir: new URL("../migrations", import.meta.url).pathname,
    applicationName: "project-test",
    logger: silentLogger,
  });
  let ids = 0;
  const options = { now: () => Date.UTC(2026, 0, 1), newId: () => `id-${++ids}` };
  const store = new PostgresTemplateStore(database);
  const templates = new Templates({ system: systemTemplates, store, ...options });
  const projects = new Projects({
    store: new PostgresProjectStore(database, async () => undefined),
    templates,
    importer: { read: async (format, content) => importArchitecture(format, content) },
    access: authAccess(createClient(AuthService, auth)),
    directory: userDirectory(createClient(UserService, userService), createClient(AuthService, auth)),
    feed: { publish: async () => undefined },
    ...options,
  });
  const transport = createRouterTransport((router) => router.service(ProjectService, projectRpc(projects, templates)), {
    router: {
      interceptors: [
        authenticationInterceptor(verifier),
        (next) => (request) => {
          if (!request.stream) validateMessage(request.method.input, request.message);
          return next(request);
        },
      ],
    },
  });
  client = createClient(ProjectService, transport);
});
afterAll(async () => {
  await database?.close();
  await postgres?.close();
});
beforeEach(async () => {
  delete broken.auth;
  delete broken.user;
  roles.clear();
  await database.query("truncate projects, templates cascade");
});

const made = async () => {
  const { project } = await client.createProject({ name: "Shop", templateId: "web-shop" }, as("ada"));
  return project ?? expect.fail("no project");
};
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail("was accepted"),
    (error: unknown) => ({
      code: ConnectError.from(error).code,
      reason: errorReason(error),
      fields: errorViolations(error).map(({ field }) => field),
    }),
  );

describe("ProjectService", () => {
  it("takes a project through its whole life", async () => {
    const { id, architecture, role, createdAt } = await made();
    expect({ role, createdAt }).toMatchObject({
      role: "owner",
      createdAt: { seconds: BigInt(Date.UTC(2026, 0, 1) / 1000) },
    });
    const { project } = await client.updateProject({ id, name: "New", expectedVersion: 1 }, as("ada"));
    expect(project).toMatchObject({ name: "New", version: 2 });
    expect(project?.architecture).toEqual(architecture);
    const { versions } = await client.listVersions({ id }, as("ada"));
    expect(versions.map(({ version, change, changedBy }) => [version, change, changedBy])).toEqual([
      [2, "updated", "u1"],
      [1, "created", "u1"],
    ]);
    expect((await client.getVersion({ id, version: 1 }, as("ada"))).version).toMatchObject({
      name: "Shop",
      architecture,
    });
    expect((await client.restoreVersion({ id, version: 1 }, as("ada"))).project).toMatchObject({
      name: "Shop",
      version: 3,
    });
    await client.deleteProject({ id }, as("ada"));
    expect(await refusal(client.getProject({ id }, as("ada")))).toMatchObject({ reason: "PROJECT_UNKNOWN" });
    expect(roles.size).toBe(0);
  });

  it("shares by name, address or id, with a role in any case of letters", async () => {
    const { id } = await made();
    const { member } = await client.addMember({ id, username: "bob", role: "Viewer" }, as("ada"));
    expect(member).toMatchObject({ userId: "u2", username: "bob", role: "viewer" });
    await client.addMember({ id, email: "bob@example.org", role: "EDITOR" }, as("ada"));
    expect((await client.getProject({ id }, as("bob"))).project?.role).toBe("editor");
    expect((await client.listProjects({}, as("bob"))).projects).toMatchObject([{ id, role: "editor", ownerId: "u1" }]);
    expect((await client.listMembers({ id }, as("bob"))).members.map(({ username }) => username)).toEqual([
      "ada",
      "bob",
    ]);
    await client.removeMember({ id, userId: "u2" }, as("bob"));
    expect(await refusal(client.getProject({ id }, as("bob")))).toMatchObject({ code: Code.NotFound });
  });

  it("shares with a service account, which only the auth service knows", async () => {
    const { id } = await made();
    const { member } = await client.addMember({ id, userId: "s1", role: "editor" }, as("ada"));
    expect(member).toMatchObject({ userId: "s1", username: "service:deploy", role: "editor" });
    const { members } = await client.listMembers({ id }, as("ada"));
    expect(members.map(({ username }) => username).sort()).toEqual(["ada", "service:deploy"]);
    const nobody = refusal(client.addMember({ id, userId: "s2", role: "viewer" }, as("ada")));
    expect(await nobody).toMatchObject({ reason: "USER_UNKNOWN" });
  });

  it("tells what can be said of a project at a glance", async () => {
    const { id } = await made();
    await client.updateProject({ id, name: "New" }, as("ada"));
    const { analytics } = await client.getProjectAnalytics({ id }, as("ada"));
    expect(analytics).toMatchObject({
      projectId: id,
      version: 2,
      activity: { memberCount: 1, changeCount: 2, contributors: [{ username: "ada", changeCount: 2 }] },
    });
    const { loads, bottleneck, headroom, componentCount } = analytics?.architecture ?? expect.fail("no architecture");
    expect(loads.length).toBe(componentCount);
    const utilization = loads.find(({ component }) => component === bottleneck)?.utilization ?? 0;
    expect(utilization * (headroom ?? 0)).toBeCloseTo(1, 9);
  });

  it("imports and exports", async () => {
    const content = "services: {db: {image: postgres, nonsense: 1}}";
    const { project, findings } = await client.importProject({ name: "x", format: "COMPOSE", content }, as("ada"));
    expect(findings.every(({ severity, message }) => severity !== "" && message !== "")).toBe(true);
    const exported = await client.exportProject({ id: project?.id ?? "" }, as("ada"));
    expect(exported).toMatchObject({ format: "WEFT", fileName: "x.weft.yaml" });
    const again = await client.importProject({ name: "y", format: "WEFT", content: exported.content }, as("ada"));
    expect(again.project?.architecture).toEqual(project?.architecture);
  });

  it("keeps templates of one's own", async () => {
    const { id, architecture } = await made();
    const { template } = await client.createTemplate({ projectId: id, name: "Mine", tags: ["a"] }, as("ada"));
    expect((await client.getTemplate({ id: template?.id ?? "" }, as("ada"))).template).toMatchObject({ architecture });
    expect((await client.listTemplates({}, as("ada"))).templates.filter(({ system }) => !system)).toHaveLength(1);
    const renamed = await client.updateTemplate({ id: template?.id ?? "", name: "Ours" }, as("ada"));
    expect(renamed.template).toMatchObject({ name: "Ours", tags: [], architecture });
    await client.deleteTemplate({ id: template?.id ?? "" }, as("ada"));
    expect((await client.listTemplates({}, as("ada"))).templates.every(({ system }) => system)).toBe(true);
  });

  it("says who has the project open", async () => {
    const { id } = await made();
    const { collaborators } = await client.announcePresence({ id, component: "web" }, as("ada"));
    expect(collaborators).toMatchObject([{ userId: "u1", username: "ada", component: "web" }]);
  });

  const NUL = "\0";
  const rows: [string, Code, string, (id: string) => Promise<unknown>, string?][] = [
    ["no token", Code.Unauthenticated, "TOKEN_MISSING", (id) => client.getProject({ id })],
    ["a stranger", Code.NotFound, "PROJECT_UNKNOWN", (id) => client.getProject({ id }, as("eve"))],
    ["an id that auth refuses", Code.NotFound, "PROJECT_UNKNOWN", () => client.getProject({ id: "a b" }, as("ada"))],
    ["an id with NUL", Code.InvalidArgument, "INVALID_FIELDS", () => client.getProject({ id: NUL }, as("ada"))],
    [
      "a name with NUL",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      () => client.createProject({ name: NUL }, as("ada")),
      "name",
    ],
    [
      "a new name with NUL",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      (id) => client.updateProject({ id, name: NUL }, as("ada")),
      "name",
    ],
    [
      "a template with NUL",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      () => client.createProject({ name: "x", templateId: NUL }, as("ada")),
      "templateId",
    ],
    [
      "a component with NUL",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      (id) => client.announcePresence({ id, component: NUL }, as("ada")),
      "component",
    ],
    [
      "a member with NUL",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      (id) => client.addMember({ id, username: NUL, role: "viewer" }, as("ada")),
      "username",
    ],
    [
      "two ways to say who",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      (id) => client.addMember({ id, username: "bob", userId: "u2", role: "viewer" }, as("ada")),
    ],
    [
      "an unknown member",
      Code.NotFound,
      "USER_UNKNOWN",
      (id) => client.addMember({ id, username: "carl", role: "viewer" }, as("ada")),
    ],
    [
      "the last owner",
      Code.FailedPrecondition,
      "LAST_OWNER",
      (id) => client.removeMember({ id, userId: "u1" }, as("ada")),
    ],
    ["no member", Code.NotFound, "MEMBER_UNKNOWN", (id) => client.removeMember({ id, userId: "u2" }, as("ada"))],
    [
      "an old version",
      Code.Aborted,
      "VERSION_CONFLICT",
      (id) => client.updateProject({ id, name: "x", expectedVersion: 7 }, as("ada")),
    ],
    [
      "an unknown version",
      Code.NotFound,
      "VERSION_UNKNOWN",
      (id) => client.restoreVersion({ id, version: 7 }, as("ada")),
    ],
    [
      "a forged page token",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      () => client.listProjects({ pageToken: Buffer.from('["now","x"]').toString("base64url") }, as("ada")),
      "pageToken",
    ],
    [
      "a forged version token",
      Code.InvalidArgument,
      "INVALID_FIELDS",
      (id) => client.listVersions({ id, pageToken: Buffer.from("[1e12]").toString("base64url") }, as("ada")),
      "pageToken",
    ],
    [
      "unreadable content",
      Code.InvalidArgument,
      "CONTENT_UNREADABLE",
      () => client.importProject({ name: "x", format: "WEFT", content: "[" }, as("ada")),
      "content",
    ],
    [
      "content that cannot be kept",
      Code.InvalidArgument,
      "CONTENT_UNREADABLE",
      () =>
        client.importProject({ name: "x", format: "COMPOSE", content: 'services: {a: {image: "\\ud800"}}' }, as("ada")),
      "content",
    ],
    [
      "a template of the system",
      Code.PermissionDenied,
      "NOT_ALLOWED",
      () => client.deleteTemplate({ id: "web-shop" }, as("ada")),
    ],
  ];

  it.each(rows)("refuses %s", async (_what, code, reason, call, field) => {
    const { id } = await made();
    const answer = await refusal(call(id));
    expect(answer).toMatchObject({ code, reason });
    if (field !== undefined) expect(answer.fields).toContain(field);
  });

  it("is unavailable, not forbidden, while the auth service does not answer", async () => {
    const { id } = await made();
    for (const code of [Code.Unavailable, Code.DeadlineExceeded, Code.Internal]) {
      broken.auth = new ConnectError("away", code);
      expect(await refusal(client.getProject({ id }, as("ada")))).toMatchObject({ code: Code.Unavailable });
      expect(await refusal(client.createProject({ name: "x" }, as("ada")))).toMatchObject({ code: Code.Unavailable });
    }
    expect(await database.query("select id from projects")).toHaveLength(1);
  });

  it("lists members without names while the user service does not answer, and adds none", async () => {
    const { id } = await made();
    broken.user = new ConnectError("away", Code.Unavailable);
    expect((await client.listMembers({ id }, as("ada"))).members).toMatchObject([{ userId: "u1", username: "" }]);
    const adding = client.addMember({ id, username: "bob", role: "viewer" }, as("ada"));
    expect(await refusal(adding)).toMatchObject({ code: Code.Unavailable, reason: "UNAVAILABLE" });
  });
});
