import type { DescMethod, DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { accessOf, scopeOf } from "@weft/auth/verifier";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { ApiKeyService } from "@weft/proto/weft/auth/v1/api_key_service_pb.ts";
import { AuditService } from "@weft/proto/weft/auth/v1/audit_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { FactorService } from "@weft/proto/weft/auth/v1/factor_service_pb.ts";
import { ProviderService } from "@weft/proto/weft/auth/v1/provider_service_pb.ts";
import { Access } from "@weft/proto/weft/options/v1/access_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { StudyService } from "@weft/proto/weft/simulation/v1/study_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Credentials, createCredentials, scopesOf } from "./access/credentials.ts";
import { type Account, rest, type System, signUp, startSystem } from "./system.ts";

/*
 * Who may call what, for every RPC there is: anybody without a token, a user who has nothing to do with the project, and
 * its viewer, editor and owner. The methods come from the descriptors, what is expected of each is written out, so an RPC
 * that is added without a row here fails the first test. What is expected of API keys follows from that and the scope of
 * the method; of what has expired or was revoked, from its access.
 */

const services: readonly DescService[] = [
  AuthService,
  AccountService,
  ApiKeyService,
  FactorService,
  ProviderService,
  AuditService,
  UserService,
  ProjectService,
  SimulationService,
  StudyService,
];
const methods = services.flatMap((service) => service.methods) as readonly DescMethodUnary[];
const withAccess = (access: Access): readonly DescMethodUnary[] =>
  methods.filter((method) => accessOf(method) === access);

const exposed = [...withAccess(Access.PUBLIC), ...withAccess(Access.USER)];
const closedToKeys = { outcome: "permission_denied", reason: "SESSION_NEEDED" };

const callers = ["anonymous", "other", "viewer", "editor", "owner"] as const;
type Caller = (typeof callers)[number];
type Outcome = "ok" | "unauthenticated" | "not_found" | "permission_denied" | "failed_precondition";

interface World {
  readonly accounts: Readonly<Record<Exclude<Caller, "anonymous">, Account>>;
  /** A member who is only there to be added and removed. */
  readonly bystander: Account;
  readonly project: string;
  /** Of the same members, to be deleted. */
  readonly doomed: string;
  /** For what API keys do after the owner has deleted or stopped theirs. */
  readonly spare: { readonly doomed: string; readonly template: string; readonly running: string };
  /** The owner's own. */
  readonly template: string;
  /** Paced, so that it goes on. */
  readonly running: string;
  readonly finished: string;
  /** Completed, with a report. */
  readonly study: string;
}

interface Row {
  readonly request: (world: World, caller: Caller) => object;
  /** For anonymous, other, viewer, editor and owner; tried in this order. */
  readonly outcomes: readonly [Outcome, Outcome, Outcome, Outcome, Outcome];
}

const anybody = ["ok", "ok", "ok", "ok", "ok"] as const;
const users = ["unauthenticated", "ok", "ok", "ok", "ok"] as const;
const nobody = [
  "permission_denied",
  "permission_denied",
  "permission_denied",
  "permission_denied",
  "permission_denied",
] as const;
const readers = ["unauthenticated", "not_found", "ok", "ok", "ok"] as const;
const writers = ["unauthenticated", "not_found", "permission_denied", "ok", "ok"] as const;
const owners = ["unauthenticated", "not_found", "permission_denied", "permission_denied", "ok"] as const;
const onlyTheirUser = ["unauthenticated", "permission_denied", "permission_denied", "permission_denied", "ok"] as const;
const withoutFactor = [
  "unauthenticated",
  "failed_precondition",
  "failed_precondition",
  "failed_precondition",
  "failed_precondition",
] as const;
const onlyTheirThing = ["unauthenticated", "not_found", "not_found", "not_found", "ok"] as const;

const onlyTheirs = ["unauthenticated", "not_found", "not_found", "not_found", "not_found"] as const;

const ofProject = ({ project }: World) => ({ id: project });
const ofRun = ({ running }: World) => ({ id: running });
const ofResult = ({ finished }: World) => ({ id: finished });
const ofStudy = ({ study }: World) => ({ id: study });
const accountOf = ({ accounts, bystander }: World, caller: Caller): Account =>
  caller === "anonymous" ? bystander : accounts[caller];

let names = 0;
function freshName(): string {
  names += 1;
  return `matrix${process.pid}x${names}x${Math.floor(Math.random() * 1e6)}`;
}

const rows: Readonly<Record<string, Row>> = {
  "weft.auth.v1.AuthService/GetJwks": { request: () => ({}), outcomes: anybody },
  "weft.auth.v1.AccountService/Signup": {
    request: () => {
      const username = freshName();
      return { username, email: `${username}@example.org`, password: `correct horse ${username}` };
    },
    outcomes: anybody,
  },
  "weft.auth.v1.AccountService/Login": {
    request: (world, caller) => {
      const { user, password } = accountOf(world, caller);
      return { login: user.username, password };
    },
    outcomes: anybody,
  },
  "weft.auth.v1.AccountService/Refresh": {
    request: (world, caller) => ({ refreshToken: accountOf(world, caller).refreshToken }),
    outcomes: anybody,
  },
  "weft.auth.v1.AccountService/Logout": { request: () => ({ refreshToken: "none" }), outcomes: anybody },
  "weft.auth.v1.AccountService/GetProfile": { request: () => ({}), outcomes: users },
  "weft.auth.v1.AccountService/UpdateProfile": { request: () => ({ firstName: "Ada" }), outcomes: users },
  "weft.auth.v1.AccountService/DeleteAccount": {
    request: () => ({ password: "not the password" }),
    outcomes: ["unauthenticated", "permission_denied", "permission_denied", "permission_denied", "permission_denied"],
  },
  "weft.auth.v1.AccountService/ChangePassword": {
    request: () => ({ oldPassword: "not the password", newPassword: "a staple of another kind" }),
    outcomes: ["unauthenticated", "permission_denied", "permission_denied", "permission_denied", "permission_denied"],
  },
  "weft.auth.v1.AccountService/RequestPasswordReset": { request: () => ({ login: freshName() }), outcomes: anybody },
  "weft.auth.v1.AccountService/ResetPassword": {
    request: () => ({ token: "none", newPassword: "a staple of another kind" }),
    outcomes: nobody,
  },
  "weft.auth.v1.AccountService/RequestEmailVerification": { request: () => ({}), outcomes: users },
  "weft.auth.v1.AccountService/VerifyEmail": { request: () => ({ token: "none" }), outcomes: nobody },
  "weft.auth.v1.AccountService/ListSessions": { request: () => ({}), outcomes: users },
  "weft.auth.v1.AccountService/EndSession": {
    request: () => ({ sessionId: "somebody else's" }),
    outcomes: ["unauthenticated", "not_found", "not_found", "not_found", "not_found"],
  },
  "weft.auth.v1.AccountService/EndOtherSessions": { request: () => ({}), outcomes: users },
  "weft.auth.v1.AccountService/ListSecurityEvents": { request: () => ({}), outcomes: users },
  "weft.auth.v1.ApiKeyService/CreateApiKey": {
    request: () => ({ name: freshName(), scopes: ["projects.read"] }),
    outcomes: users,
  },
  "weft.auth.v1.ApiKeyService/ListApiKeys": { request: () => ({}), outcomes: users },
  "weft.auth.v1.ApiKeyService/RevokeApiKey": {
    request: () => ({ keyId: "somebody else's" }),
    outcomes: onlyTheirs,
  },
  "weft.auth.v1.ApiKeyService/CreateServiceAccount": { request: () => ({ name: freshName() }), outcomes: users },
  "weft.auth.v1.ApiKeyService/ListServiceAccounts": { request: () => ({}), outcomes: users },
  "weft.auth.v1.ApiKeyService/DeleteServiceAccount": {
    request: () => ({ serviceAccountId: "somebody else's" }),
    outcomes: onlyTheirs,
  },
  "weft.auth.v1.FactorService/CompleteLogin": {
    request: () => ({ challenge: "none", totpCode: "123456" }),
    outcomes: nobody,
  },
  "weft.auth.v1.FactorService/BeginPasskeyLogin": { request: () => ({}), outcomes: anybody },
  "weft.auth.v1.FactorService/FinishPasskeyLogin": { request: () => ({ response: { id: "none" } }), outcomes: nobody },
  "weft.auth.v1.FactorService/ListFactors": { request: () => ({}), outcomes: users },
  // Before the next, so that there is nothing to confirm.
  "weft.auth.v1.FactorService/ConfirmTotp": { request: () => ({ code: "123456" }), outcomes: withoutFactor },
  "weft.auth.v1.FactorService/BeginTotp": { request: () => ({}), outcomes: users },
  "weft.auth.v1.FactorService/RemoveTotp": { request: () => ({}), outcomes: withoutFactor },
  "weft.auth.v1.FactorService/NewRecoveryCodes": { request: () => ({}), outcomes: withoutFactor },
  "weft.auth.v1.FactorService/BeginPasskeyRegistration": { request: () => ({}), outcomes: users },
  "weft.auth.v1.FactorService/FinishPasskeyRegistration": {
    request: () => ({ name: "a phone", response: { id: "none" } }),
    outcomes: ["unauthenticated", "permission_denied", "permission_denied", "permission_denied", "permission_denied"],
  },
  "weft.auth.v1.FactorService/ListPasskeys": { request: () => ({}), outcomes: users },
  "weft.auth.v1.FactorService/RenamePasskey": {
    request: () => ({ passkeyId: "somebody else's", name: "mine" }),
    outcomes: ["unauthenticated", "not_found", "not_found", "not_found", "not_found"],
  },
  "weft.auth.v1.FactorService/RemovePasskey": {
    request: () => ({ passkeyId: "somebody else's" }),
    outcomes: ["unauthenticated", "not_found", "not_found", "not_found", "not_found"],
  },
  // No provider is configured here.
  "weft.auth.v1.ProviderService/ListProviders": { request: () => ({}), outcomes: anybody },
  "weft.auth.v1.ProviderService/BeginProviderLogin": {
    request: () => ({ provider: "nobody", redirectUri: "https://weft.example.org/login/provider" }),
    outcomes: ["not_found", "not_found", "not_found", "not_found", "not_found"],
  },
  "weft.auth.v1.ProviderService/FinishProviderLogin": {
    request: () => ({ loginState: "none", answer: { code: "none", state: "none" } }),
    outcomes: nobody,
  },
  "weft.auth.v1.ProviderService/BeginProviderLink": {
    request: () => ({ provider: "nobody", redirectUri: "https://weft.example.org/login/provider" }),
    outcomes: onlyTheirs,
  },
  "weft.auth.v1.ProviderService/FinishProviderLink": {
    request: () => ({ loginState: "none", answer: { code: "none", state: "none" } }),
    outcomes: ["unauthenticated", "permission_denied", "permission_denied", "permission_denied", "permission_denied"],
  },
  "weft.auth.v1.ProviderService/ListLinkedProviders": { request: () => ({}), outcomes: users },
  "weft.auth.v1.ProviderService/UnlinkProvider": { request: () => ({ provider: "nobody" }), outcomes: users },
  "weft.auth.v1.AuditService/ListDecisions": {
    request: () => ({}),
    outcomes: ["unauthenticated", "permission_denied", "permission_denied", "permission_denied", "permission_denied"],
  },
  "weft.user.v1.UserService/GetUser": {
    request: ({ accounts }) => ({ userId: accounts.owner.user.id }),
    outcomes: onlyTheirUser,
  },
  "weft.user.v1.UserService/UpdateUser": {
    request: ({ accounts }) => ({ userId: accounts.owner.user.id, firstName: "Grace" }),
    outcomes: onlyTheirUser,
  },
  "weft.project.v1.ProjectService/CreateProject": {
    request: ({ template }) => ({ name: "copy", templateId: template }),
    outcomes: onlyTheirThing,
  },
  "weft.project.v1.ProjectService/ListProjects": { request: () => ({}), outcomes: users },
  "weft.project.v1.ProjectService/ImportProject": {
    request: () => ({ name: "imported", format: "COMPOSE", content: "services: {api: {image: api}}" }),
    outcomes: users,
  },
  "weft.project.v1.ProjectService/GetProject": { request: ofProject, outcomes: readers },
  "weft.project.v1.ProjectService/ExportProject": { request: ofProject, outcomes: readers },
  "weft.project.v1.ProjectService/GetProjectAnalytics": { request: ofProject, outcomes: readers },
  "weft.project.v1.ProjectService/ListMembers": { request: ofProject, outcomes: readers },
  "weft.project.v1.ProjectService/ListVersions": { request: ofProject, outcomes: readers },
  "weft.project.v1.ProjectService/GetVersion": {
    request: ({ project }) => ({ id: project, version: 1 }),
    outcomes: readers,
  },
  "weft.project.v1.ProjectService/AnnouncePresence": { request: ofProject, outcomes: readers },
  "weft.project.v1.ProjectService/UpdateProject": {
    request: ({ project }) => ({ id: project, description: "changed" }),
    outcomes: writers,
  },
  "weft.project.v1.ProjectService/RestoreVersion": {
    request: ({ project }) => ({ id: project, version: 1 }),
    outcomes: writers,
  },
  "weft.project.v1.ProjectService/AddMember": {
    request: ({ project, bystander }) => ({ id: project, userId: bystander.user.id, role: "viewer" }),
    outcomes: owners,
  },
  "weft.project.v1.ProjectService/RemoveMember": {
    request: ({ project, bystander }) => ({ id: project, userId: bystander.user.id }),
    outcomes: owners,
  },
  "weft.project.v1.ProjectService/DeleteProject": { request: ({ doomed }) => ({ id: doomed }), outcomes: owners },
  "weft.project.v1.ProjectService/ListTemplates": { request: () => ({}), outcomes: users },
  "weft.project.v1.ProjectService/CreateTemplate": {
    request: ({ project }) => ({ projectId: project, name: "taken over" }),
    outcomes: readers,
  },
  "weft.project.v1.ProjectService/GetTemplate": {
    request: ({ template }) => ({ id: template }),
    outcomes: onlyTheirThing,
  },
  "weft.project.v1.ProjectService/UpdateTemplate": {
    request: ({ template }) => ({ id: template, name: "taken over" }),
    outcomes: onlyTheirThing,
  },
  "weft.project.v1.ProjectService/DeleteTemplate": {
    request: ({ template }) => ({ id: template }),
    outcomes: onlyTheirThing,
  },
  "weft.simulation.v1.SimulationService/StartSimulation": {
    request: ({ project }) => ({ projectId: project, durationSeconds: 1 }),
    outcomes: writers,
  },
  "weft.simulation.v1.SimulationService/ListSimulations": {
    request: ({ project }) => ({ projectId: project }),
    outcomes: readers,
  },
  "weft.simulation.v1.SimulationService/GetSimulation": { request: ofRun, outcomes: readers },
  "weft.simulation.v1.SimulationService/GetMetrics": { request: ofRun, outcomes: readers },
  "weft.simulation.v1.SimulationService/GetResults": { request: ofResult, outcomes: readers },
  "weft.simulation.v1.SimulationService/PauseSimulation": { request: ofRun, outcomes: writers },
  "weft.simulation.v1.SimulationService/ResumeSimulation": { request: ofRun, outcomes: writers },
  "weft.simulation.v1.SimulationService/SetLoad": {
    request: ({ running }) => ({ id: running, load: 0.5 }),
    outcomes: writers,
  },
  "weft.simulation.v1.SimulationService/ApplyChange": {
    request: ({ running }) => ({ id: running, change: { load: { load: 0.5 } } }),
    outcomes: writers,
  },
  "weft.simulation.v1.SimulationService/StopSimulation": { request: ofRun, outcomes: writers },
  "weft.simulation.v1.StudyService/StartStudy": {
    request: ({ project }) => ({ projectId: project, predict: {} }),
    outcomes: writers,
  },
  "weft.simulation.v1.StudyService/ListStudies": {
    request: ({ project }) => ({ projectId: project }),
    outcomes: readers,
  },
  "weft.simulation.v1.StudyService/GetStudy": { request: ofStudy, outcomes: readers },
  "weft.simulation.v1.StudyService/GetStudyResult": { request: ofStudy, outcomes: readers },
  "weft.simulation.v1.StudyService/GetStudyReport": { request: ofStudy, outcomes: readers },
  "weft.simulation.v1.StudyService/CancelStudy": { request: ofStudy, outcomes: writers },
};

let system: System;
let world: World;
let credentials: Credentials;

/** With it a token that has expired is made. */
const keySecret = "a secret of forty characters or so, known here";

beforeAll(async () => {
  system = await startSystem({ env: { WEFT_AUTH_KEY_SECRET: keySecret } });
  const [other, viewer, editor, owner, bystander] = await Promise.all([
    signUp(system),
    signUp(system),
    signUp(system),
    signUp(system),
    signUp(system),
  ]);
  const asOwner = async (path: string, body: object): Promise<string> => {
    const answer = await rest<{ id: string }>(system, "POST", path, { token: owner.accessToken, body });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    return answer.body.id;
  };
  const shared = async (): Promise<string> => {
    const project = await asOwner("/api/projects", { name: "shared", templateId: "web-shop" });
    await asOwner(`/api/projects/${project}/members`, { userId: viewer.user.id, role: "viewer" });
    await asOwner(`/api/projects/${project}/members`, { userId: editor.user.id, role: "editor" });
    return project;
  };
  const project = await shared();
  const doomed = await shared();
  const template = await asOwner("/api/templates", { projectId: project, name: "the owner's own" });
  const runs = `/api/projects/${project}/simulations`;
  const finished = await asOwner(runs, { durationSeconds: 1 });
  const running = await asOwner(runs, { durationSeconds: 3600, speed: 1 });
  const spare = {
    doomed: await asOwner("/api/projects", { name: "spare", templateId: "web-shop" }),
    template: await asOwner("/api/templates", { projectId: project, name: "spare" }),
    running: await asOwner(runs, { durationSeconds: 3600, speed: 1 }),
  };
  const study = await asOwner(`/api/projects/${project}/studies`, { run: {}, durationSeconds: 1, replications: 1 });
  const statusOf = async (path: string) =>
    (await rest(system, "GET", `/api/${path}`, { token: owner.accessToken })).body.status;
  const becomes = (path: string, status: string) =>
    vi.waitFor(async () => expect(await statusOf(path)).toBe(status), { timeout: 90_000 });
  await becomes(`simulations/${finished}`, "COMPLETED");
  await becomes(`simulations/${running}`, "RUNNING");
  await becomes(`simulations/${spare.running}`, "RUNNING");
  await becomes(`studies/${study}`, "COMPLETED");
  const things = { project, doomed, spare, template, running, finished, study };
  world = { accounts: { other, viewer, editor, owner }, bystander, ...things };
  credentials = await createCredentials(system, owner, scopesOf(methods), keySecret);
});

afterAll(() => system?.stop());

function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** What becomes of a call over Connect. */
async function outcomeOf(name: string, caller: Caller, request: object): Promise<string> {
  return (await answerTo(name, caller === "anonymous" ? undefined : world.accounts[caller].accessToken, request))
    .outcome;
}

/** Asks again while a service cannot be had or a token not be verified: who may is not said by then. */
function untilAvailable<T>(ask: () => Promise<T>, unavailable: (answer: T) => boolean): Promise<T> {
  const once = async (): Promise<T> => {
    const answer = await ask();
    if (unavailable(answer)) {
      throw new Error("not available");
    }
    return answer;
  };
  return vi.waitFor(once, { timeout: 60_000, interval: 200 });
}

/** The outcome, and the reason of a refusal with the scope it names. */
async function answerTo(name: string, token: string | undefined, request: object) {
  const options = { body: request, ...(token === undefined ? {} : { token }) };
  const answer = await untilAvailable(
    () => rest(system, "POST", `/${name}`, options),
    ({ status }) => status === 503,
  );
  const text = JSON.stringify(answer.body);
  return {
    outcome: answer.status === 200 ? "ok" : String(answer.body.code),
    reason: /"reason":"(\w+)"/.exec(text)?.[1],
    scope: /"scope":"([\w.]+)"/.exec(text)?.[1],
  };
}

/** The code with which a method answers an empty request in another protocol; undefined when it does not refuse. */
async function refusalOf(transport: Transport, method: DescMethodUnary, token?: string): Promise<Code | undefined> {
  const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` });
  const ask = () =>
    transport.unary(method, undefined, 5000, headers, {}).then(
      () => undefined,
      (error: unknown) => ConnectError.from(error).code,
    );
  return untilAvailable(ask, (code) => code === Code.Unavailable || code === Code.DeadlineExceeded);
}

function transports(): Readonly<Record<string, Transport>> {
  const grpcPort = 8004 + system.portOffset;
  return {
    Connect: createConnectTransport({ baseUrl: system.address, httpVersion: "1.1" }),
    "Connect by GET": createConnectTransport({ baseUrl: system.address, httpVersion: "1.1", useHttpGet: true }),
    "gRPC-Web": createGrpcWebTransport({ baseUrl: system.address, httpVersion: "1.1" }),
    gRPC: createGrpcTransport({ baseUrl: `http://127.0.0.1:${grpcPort}` }),
  };
}
const protocols = ["Connect", "Connect by GET", "gRPC-Web", "gRPC"] as const;

describe("access to RPCs", () => {
  it("is laid down for every RPC that clients can call", () => {
    expect(Object.keys(rows).sort()).toEqual(exposed.map(nameOf).sort());
  });

  it.each(Object.entries(rows))(
    "ASVS 8.2.1, 8.2.2: to %s is what the table says",
    async (name, { request, outcomes }) => {
      const seen: Record<string, string> = {};
      for (const caller of callers) {
        seen[caller] = await outcomeOf(name, caller, request(world, caller));
      }
      expect(seen).toEqual(Object.fromEntries(callers.map((caller, at) => [caller, outcomes[at]])));
    },
  );

  it.each(protocols)("ASVS 8.3.1: is refused without a token over %s, whatever is asked", async (protocol) => {
    const transport = transports()[protocol] as Transport;
    const answers = withAccess(Access.USER).map(async (method) => [nameOf(method), await refusalOf(transport, method)]);
    const wanted = withAccess(Access.USER).map((method) => [nameOf(method), Code.Unauthenticated]);
    expect(await Promise.all(answers)).toEqual(wanted);
  });

  it.each(protocols)("does not exist over %s for what is internal to the mesh, even with a token", async (protocol) => {
    const transport = transports()[protocol] as Transport;
    const internal = withAccess(Access.INTERNAL);
    const token = world.accounts.owner.accessToken;
    const answers = internal.map(async (method) => [nameOf(method), await refusalOf(transport, method, token)]);
    expect(internal).not.toHaveLength(0);
    expect(await Promise.all(answers)).toEqual(internal.map((method) => [nameOf(method), Code.Unimplemented]));
  });

  it("ASVS 8.2.1: of API keys knows the scopes that can be asked for", async () => {
    const document = await rest(system, "GET", "/openapi.json");
    const listed = /"scopes":\{"type":"array","items":\{[^}]*"enum":(\[[^\]]*\])/.exec(
      JSON.stringify(document.body),
    )?.[1];
    expect((JSON.parse(listed ?? "[]") as string[]).sort()).toEqual(scopesOf(methods));
  });

  it.each(Object.keys(rows))(
    "ASVS 8.2.1, 8.3.3: to %s by API key takes its scope, and is its owner's then",
    async (name) => {
      const { request, outcomes } = rows[name] as Row;
      const method = methods.find((each) => nameOf(each) === name) as DescMethodUnary;
      const ofSpare = { ...world, ...world.spare };
      const asked = () => request(ofSpare, "owner");
      const scope = scopeOf(method);
      if (accessOf(method) === Access.PUBLIC) {
        const anonymous = await answerTo(name, credentials.everyScope, request(ofSpare, "anonymous"));
        expect(anonymous.outcome).toBe(outcomes[0]);
      } else if (scope === undefined) {
        expect(await answerTo(name, credentials.everyScope, asked())).toMatchObject(closedToKeys);
      } else {
        const without = await answerTo(name, credentials.allBut.get(scope), asked());
        expect(without).toEqual({ outcome: "permission_denied", reason: "SCOPE_MISSING", scope });
        expect(await answerTo(name, credentials.everyScope, asked())).toMatchObject({ outcome: outcomes[4] });
      }
    },
  );

  it.each(protocols)("ASVS 8.3.1: over %s is what the key's scopes say", async (protocol) => {
    const transport = transports()[protocol] as Transport;
    const answers = withAccess(Access.USER).map(async (method) => {
      const scope = scopeOf(method);
      const narrow = scope === undefined ? credentials.everyScope : credentials.allBut.get(scope);
      return [nameOf(method), await refusalOf(transport, method, narrow)];
    });
    const wanted = withAccess(Access.USER).map((method) => [nameOf(method), Code.PermissionDenied]);
    expect(await Promise.all(answers)).toEqual(wanted);
    const list = ProjectService.method.listProjects;
    expect(await refusalOf(transport, list, credentials.everyScope)).toBeUndefined();
  });

  it.each(["a token that has expired", "a token of a session that was ended", "a key that was revoked"])(
    "ASVS 7.4.1, 9.2.1: is refused to %s",
    async (what) => {
      const { credential, reason } = credentials.over.get(what) as { credential: string; reason: string };
      const answers = withAccess(Access.USER).map(async (method) => {
        const { request } = rows[nameOf(method)] as Row;
        const answer = await answerTo(nameOf(method), credential, request(world, "owner"));
        return [nameOf(method), answer.outcome, answer.reason];
      });
      const wanted = withAccess(Access.USER).map((method) => [nameOf(method), "unauthenticated", reason]);
      expect(await Promise.all(answers)).toEqual(wanted);
    },
  );

  it("is not refused for a token that has expired where none is needed", async () => {
    const { credential } = credentials.over.get("a token that has expired") as { credential: string };
    for (const method of withAccess(Access.PUBLIC)) {
      const { request, outcomes } = rows[nameOf(method)] as Row;
      const answer = await answerTo(nameOf(method), credential, request(world, "anonymous"));
      expect(answer.outcome, nameOf(method)).toBe(outcomes[0]);
    }
  });

  it("ASVS 8.2.2, 8.3.3: of a service account is that of its roles, by keys of its owner", async () => {
    const { owner, other } = world.accounts;
    const as = (token: string) => async (method: string, path: string, body?: object) => {
      const answer = await rest(system, method, path, { token, ...(body === undefined ? {} : { body }) });
      return answer.status === 200 ? answer.body : String(answer.body.code);
    };
    const asMaker = as(other.accessToken);
    const made = (await asMaker("POST", "/api/auth/service-accounts", { name: freshName().slice(-32) })) as {
      serviceAccount: { id: string; name: string };
    };
    const { id, name } = made.serviceAccount;
    const scopes = ["profile.read", "projects.read", "projects.write"];
    const wanted = { name: "deploy", scopes, serviceAccountId: id };
    const { secret } = (await asMaker("POST", "/api/auth/api-keys", wanted)) as { secret: string };
    const asRobot = as(secret);
    const project = `/api/projects/${world.project}`;
    expect(await asRobot("GET", "/api/auth/profile")).toMatchObject({ id, username: `service:${name}` });
    expect(await asRobot("GET", project)).toBe("not_found");
    const asOwner = as(owner.accessToken);
    const member = { userId: id, username: `service:${name}`, role: "viewer" };
    expect(await asOwner("POST", `${project}/members`, { userId: id, role: "viewer" })).toMatchObject(member);
    expect(await asRobot("GET", project)).toMatchObject({ id: world.project });
    expect(await asRobot("PATCH", project, { description: "by a robot" })).toBe("permission_denied");
    expect(await asRobot("GET", `${project}/members`)).toMatchObject({
      members: expect.arrayContaining([expect.objectContaining(member)]),
    });
    await asMaker("DELETE", `/api/auth/service-accounts/${id}`, {});
    await vi.waitFor(async () => expect(await asRobot("GET", project)).toBe("unauthenticated"), { timeout: 60_000 });
  });
});
