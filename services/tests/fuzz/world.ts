import type { DescMethod, DescService, JsonObject } from "@bufbuild/protobuf";
import { accessOf } from "@weft/auth/verifier";
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
import { type Account, rest, type System, signUp } from "../system.ts";

/*
 * What the fuzzer's requests are about, and a good request to every method to begin from. Good means taken, or refused for
 * a reason deep inside (a wrong password): no request may take away what the others need, so who ends sessions or deletes
 * has nothing that anybody else uses. The load is so small that simulated hours are cheap.
 */

export interface World {
  readonly owner: Account;
  readonly other: Account;
  /** Read and simulated, never changed. */
  readonly project: string;
  /** Changed at will. */
  readonly scratch: string;
  readonly template: string;
  readonly running: string;
  readonly finished: string;
  readonly study: string;
}

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

/** Every method that clients may call. */
export const publicMethods: readonly DescMethod[] = services
  .flatMap(({ methods }) => methods)
  .filter((method) => accessOf(method) === Access.PUBLIC || accessOf(method) === Access.USER);

const architecture = {
  components: [
    { id: "users", kind: "client" },
    { id: "api", kind: "service", instances: 2, concurrency: 8, serviceTime: { kind: "gamma", meanMs: 10, cv: 1 } },
    { id: "db", kind: "database" },
  ],
  links: [
    { from: "users", to: "api", timeoutMs: 1000, retries: 1 },
    { from: "api", to: "db" },
  ],
  workloads: [{ component: "users", kind: "poisson", ratePerSecond: 0.1 }],
} satisfies JsonObject;

const question = { run: { objectives: ["p99<2s"], prices: { api: 1 } }, durationSeconds: 1, replications: 1 };

export async function createWorld(system: System): Promise<World> {
  const [owner, other] = await Promise.all([signUp(system), signUp(system)]);
  const make = async (path: string, body: object): Promise<string> => {
    const answer = await rest<{ id: string }>(system, "POST", path, { token: owner.accessToken, body });
    if (answer.status !== 200) {
      throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body.id;
  };
  const project = await make("/api/projects", { name: "read", architecture });
  const scratch = await make("/api/projects", { name: "changed", architecture });
  return {
    owner,
    other,
    project,
    scratch,
    template: await make("/api/templates", { projectId: project, name: "a template" }),
    running: await make(`/api/projects/${project}/simulations`, { durationSeconds: 80_000, speed: 1 }),
    finished: await make(`/api/projects/${project}/simulations`, { durationSeconds: 1 }),
    study: await make(`/api/projects/${project}/studies`, question),
  };
}

let names = 0;
function freshName(): string {
  names += 1;
  return `fuzz${process.pid}x${names}`;
}

const nobody = "00000000-0000-4000-8000-000000000000";
const passwords = { oldPassword: "not the password", newPassword: "a staple of another kind" };

/** Of the right form, and of no passkey that there is. */
const assertion = {
  ...{ id: "AAAAAAAAAAAAAAAAAAAAAA", rawId: "AAAAAAAAAAAAAAAAAAAAAA", type: "public-key" },
  response: {
    clientDataJSON: "e30",
    authenticatorData: "AA",
    signature: "AA",
    attestationObject: "oA",
    userHandle: "AA",
  },
} satisfies JsonObject;

/** By the name of the method. */
const goodRequests: Readonly<Record<string, (world: World) => JsonObject>> = {
  GetJwks: () => ({}),
  Signup: () => {
    const username = freshName();
    return { username, email: `${username}@example.org`, password: `correct horse ${username}`, firstName: "Ada" };
  },
  Login: ({ other }) => ({ login: other.user.username, password: other.password }),
  Refresh: () => ({ refreshToken: "none" }),
  Logout: () => ({ refreshToken: "none" }),
  GetProfile: () => ({}),
  UpdateProfile: () => ({ firstName: "Ada", lastName: "Lovelace" }),
  DeleteAccount: () => ({ password: "not the password" }),
  ChangePassword: () => passwords,
  RequestPasswordReset: () => ({ login: "nobody" }),
  ResetPassword: () => ({ token: "none", newPassword: passwords.newPassword }),
  RequestEmailVerification: () => ({}),
  VerifyEmail: () => ({ token: "none" }),
  ListSessions: () => ({}),
  EndSession: () => ({ sessionId: nobody }),
  EndOtherSessions: () => ({}),
  ListSecurityEvents: () => ({}),
  CreateApiKey: () => ({ name: "a key", scopes: ["projects.read", "simulations.run"], expiresInDays: 1 }),
  ListApiKeys: () => ({}),
  RevokeApiKey: () => ({ keyId: nobody }),
  CreateServiceAccount: () => ({ name: freshName() }),
  ListServiceAccounts: () => ({}),
  DeleteServiceAccount: () => ({ serviceAccountId: nobody }),
  CompleteLogin: () => ({ challenge: "none", totpCode: "123456" }),
  BeginPasskeyLogin: () => ({}),
  FinishPasskeyLogin: () => ({ response: assertion }),
  ListFactors: () => ({}),
  BeginTotp: () => ({}),
  ConfirmTotp: () => ({ code: "123456" }),
  RemoveTotp: () => ({ password: "not the password", code: "123456" }),
  NewRecoveryCodes: () => ({ password: "not the password", code: "123456" }),
  BeginPasskeyRegistration: () => ({}),
  FinishPasskeyRegistration: () => ({ name: "a phone", response: assertion }),
  ListPasskeys: () => ({}),
  RenamePasskey: () => ({ passkeyId: nobody, name: "a key" }),
  RemovePasskey: () => ({ passkeyId: nobody }),
  ListProviders: () => ({}),
  BeginProviderLogin: () => ({ provider: "nobody", redirectUri: "https://weft.example.org/login/provider" }),
  FinishProviderLogin: () => ({
    loginState: "none",
    answer: { code: "none", state: "none", iss: "https://a.example" },
  }),
  BeginProviderLink: () => ({ provider: "nobody", redirectUri: "https://weft.example.org/login/provider" }),
  FinishProviderLink: () => ({ loginState: "none", answer: { code: "none", state: "none" } }),
  ListLinkedProviders: () => ({}),
  UnlinkProvider: () => ({ provider: "nobody" }),
  ListDecisions: ({ project }) => ({ resource: `project:${project}`, pageSize: 3 }),
  GetUser: ({ owner }) => ({ userId: owner.user.id }),
  UpdateUser: ({ owner }) => ({ userId: owner.user.id, firstName: "Grace" }),
  CreateProject: () => ({ name: "made", description: "by the way", architecture }),
  ListProjects: () => ({ pageSize: 3 }),
  ImportProject: () => ({
    name: "imported",
    format: "COMPOSE",
    content: "services:\n  api:\n    image: api\n    depends_on: [db]\n  db:\n    image: postgres\n",
  }),
  GetProject: ({ project }) => ({ id: project }),
  ExportProject: ({ project }) => ({ id: project, format: "KUBERNETES" }),
  GetProjectAnalytics: ({ project }) => ({ id: project }),
  ListMembers: ({ project }) => ({ id: project }),
  ListVersions: ({ scratch }) => ({ id: scratch, pageSize: 2 }),
  GetVersion: ({ scratch }) => ({ id: scratch, version: 1 }),
  AnnouncePresence: ({ project }) => ({ id: project, component: "api" }),
  UpdateProject: ({ scratch }) => ({ id: scratch, name: "changed", description: "again", architecture }),
  RestoreVersion: ({ scratch }) => ({ id: scratch, version: 1 }),
  AddMember: ({ scratch, other }) => ({ id: scratch, username: other.user.username, role: "viewer" }),
  RemoveMember: ({ scratch }) => ({ id: scratch, userId: nobody }),
  DeleteProject: () => ({ id: nobody }),
  ListTemplates: () => ({}),
  CreateTemplate: ({ project }) => ({ projectId: project, name: "copied", tags: ["a", "b"] }),
  GetTemplate: ({ template }) => ({ id: template }),
  UpdateTemplate: ({ template }) => ({ id: template, name: "a template", tags: ["c"] }),
  DeleteTemplate: () => ({ id: nobody }),
  StartSimulation: ({ project }) => ({
    projectId: project,
    durationSeconds: 5,
    seed: 7,
    changes: [{ atSeconds: 1, change: { errors: { component: "api", ratio: 0.5 } } }],
  }),
  ListSimulations: ({ project }) => ({ projectId: project, pageSize: 2 }),
  GetSimulation: ({ running }) => ({ id: running }),
  GetMetrics: ({ finished }) => ({ id: finished, component: "api", maxPoints: 20 }),
  GetResults: ({ finished }) => ({ id: finished }),
  PauseSimulation: ({ running }) => ({ id: running }),
  ResumeSimulation: ({ running }) => ({ id: running }),
  SetLoad: ({ running }) => ({ id: running, load: 1 }),
  ApplyChange: ({ running }) => ({ id: running, change: { errors: { component: "api", ratio: 0.1 } } }),
  StopSimulation: ({ finished }) => ({ id: finished }),
  StartStudy: ({ project }) => ({ projectId: project, ...question }),
  ListStudies: ({ project }) => ({ projectId: project, pageSize: 2 }),
  GetStudy: ({ study }) => ({ id: study }),
  GetStudyResult: ({ study }) => ({ id: study }),
  GetStudyReport: ({ study }) => ({ id: study }),
  CancelStudy: ({ study }) => ({ id: study }),
};

/** Throws for a method that has none yet: a new RPC needs a row here. */
export function goodRequest(method: DescMethod, world: World): JsonObject {
  const make = goodRequests[method.name];
  if (make === undefined) {
    throw new Error(`world.ts has no good request to ${method.name}`);
  }
  return make(world);
}

/** Ends what a call has started: a run that nobody ends would take the place of those that follow. */
export async function endWhatBegan(
  system: System,
  { owner }: World,
  method: string,
  status: number,
  answer: string,
): Promise<void> {
  const verb = { StartSimulation: "simulations", StartStudy: "studies" }[method];
  const id = verb === undefined || status !== 200 ? undefined : /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(answer)?.[0];
  if (id !== undefined) {
    const end = verb === "studies" ? "cancel" : "stop";
    await rest(system, "POST", `/api/${verb}/${id}:${end}`, { token: owner.accessToken });
  }
}
