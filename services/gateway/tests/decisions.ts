import { errorReason } from "@weft/mesh";
import type { Hand, IdentityHarness } from "./identity-harness.ts";
import { refusedUpgrade } from "./test-socket.ts";

/*
 * What gateway and auth service decide about safety, each as a question whose answer shows the decision; by the names that
 * they have in docs/security.md.
 */
export interface Decision {
  readonly name: string;
  /** "open" when what was asked for is given, else the reason of the refusal. */
  ask(harness: IdentityHarness, hand: Hand): Promise<string>;
}

/** As many as a session may make: the answer to the last one says how long to wait. */
const freeGuesses = 10;

export const decisions: readonly Decision[] = [
  { name: "a good access token is accepted", ask: (harness, { accessToken }) => admitted(harness, accessToken) },
  {
    name: "a forged access token is refused",
    ask: (harness, { accessToken }) => admitted(harness, forged(accessToken)),
  },
  { name: "a token of an ended session is refused", ask: (harness, { endedToken }) => admitted(harness, endedToken) },
  { name: "a good API key is accepted", ask: (harness, { apiKey }) => admitted(harness, apiKey) },
  { name: "a revoked API key is refused", ask: (harness, { revokedKey }) => admitted(harness, revokedKey) },
  {
    name: "a ticket is given out",
    ask: ({ call }, { accessToken: token }) => answered(call("POST", "/api/realtime/tickets", { token })),
  },
  {
    name: "a ticket is redeemed",
    ask: ({ gateway }, { ticket }) =>
      refusedUpgrade(gateway.port, { query: `ticket=${ticket}` }).then(
        ({ body }) => reasonOf(body) ?? JSON.stringify(body),
        (error: unknown) => (String(error).includes("was accepted") ? "open" : String(error)),
      ),
  },
  {
    name: "calls are counted",
    ask: async ({ call }, { accessToken: token }) => counted(await call("GET", "/api/auth/profile", { token })),
  },
  {
    name: "logins are counted",
    ask: async ({ call }, { login }) =>
      counted(await call("POST", "/api/auth/login", { body: { login, password: "a guess" } })),
  },
  {
    name: "who guesses a password has to wait",
    ask: async ({ call }, { accessToken: token }) => {
      const body = { oldPassword: "a guess", newPassword: "some other words" };
      const guess = () => call("PUT", "/api/auth/password", { token, body });
      const answers = await Promise.all(Array.from({ length: freeGuesses }, guess));
      const held = answers.find(({ headers }) => headers.has("retry-after"));
      return held === undefined ? "open" : answered(held);
    },
  },
  {
    name: "a password lets in",
    ask: ({ call }, { login, password }) => answered(call("POST", "/api/auth/login", { body: { login, password } })),
  },
  {
    name: "a second factor completes a login",
    ask: ({ call }, { challenge, recoveryCode }) =>
      answered(call("POST", "/api/auth/login:complete", { body: { challenge, recoveryCode } })),
  },
  {
    name: "a breached password is refused",
    ask: ({ call }, { accessToken: token, password }) => {
      const body = { oldPassword: password, newPassword: "iloveyou" };
      return answered(call("PUT", "/api/auth/password", { token, body }));
    },
  },
  {
    name: "a refresh token gives a new one",
    ask: ({ call }, { refreshToken }) => answered(call("POST", "/api/auth/refresh", { body: { refreshToken } })),
  },
  {
    name: "a logout ends the session",
    ask: ({ call }, { leaving }) => answered(call("POST", "/api/auth/logout", { body: { refreshToken: leaving } })),
  },
  { name: "a role allows", ask: (harness, { userId }) => allowed(harness, userId, "project:1") },
  { name: "no role does not", ask: (harness, { userId }) => allowed(harness, userId, "project:2") },
  {
    name: "a mail for a new password is taken",
    ask: ({ call }, { login }) => answered(call("POST", "/api/auth/password:requestReset", { body: { login } })),
  },
];

/** Whether the gateway lets a call with it through; what the service behind says to it, or that it is away, comes after. */
async function admitted({ gateway, call }: IdentityHarness, token: string): Promise<string> {
  const before = gateway.calls.length;
  const reason = await answered(call("GET", "/api/auth/profile", { token }));
  return gateway.calls.length > before || reason === "SERVICE_UNAVAILABLE" ? "open" : reason;
}

async function allowed({ service }: IdentityHarness, userId: string, resource: string): Promise<string> {
  const asked = service.checkPermission({ userId, permission: "project.read", resource });
  return asked.then(
    (answer) => (answer.allowed ? "open" : "not allowed"),
    (error: unknown) => errorReason(error) ?? String(error),
  );
}

async function answered(asked: Response | Promise<Response>): Promise<string> {
  const answer = await asked;
  const body: unknown = await answer.json();
  return answer.ok ? "open" : (reasonOf(body) ?? JSON.stringify(body));
}

/** Whether an answer tells a budget; one that could not be counted has none to tell. */
function counted(answer: Response): string | Promise<string> {
  return answer.headers.has("ratelimit-policy") ? "open" : answered(answer);
}

function reasonOf(body: unknown): string | undefined {
  return /"reason":"(\w+)"/.exec(JSON.stringify(body))?.[1];
}

/** With another signature. */
function forged(token: string): string {
  const [head = "", claims = "", signature = ""] = token.split(".");
  return `${head}.${claims}.${[...signature].reverse().join("")}`;
}
