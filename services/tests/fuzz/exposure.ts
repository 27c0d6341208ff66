import { rest, type System } from "../system.ts";
import { goodRequest, publicMethods, type World } from "./world.ts";

/* What answers show of others, and what the gateway hands on of a client's head. */

/** google.protobuf.MethodOptions.NO_SIDE_EFFECTS. */
const noSideEffects = 1;

/** Answers to somebody who shares a project with its owner that have more of the owner than a name in them. */
export async function answersAboutOthers(system: System, world: World): Promise<string[]> {
  const { owner, other, scratch } = world;
  const member = { userId: other.user.id, role: "viewer" };
  await rest(system, "POST", `/api/projects/${scratch}/members`, { token: owner.accessToken, body: member });
  const faults: string[] = [];
  for (const method of publicMethods.filter(({ idempotency }) => idempotency === noSideEffects)) {
    const target = `/${method.parent.typeName}/${method.name}`;
    const body = goodRequest(method, { ...world, project: scratch });
    const answer = await rest(system, "POST", target, { token: other.accessToken, body });
    const text = JSON.stringify(answer.body);
    const secrets = [owner.user.email, owner.accessToken, owner.refreshToken, owner.password];
    if (secrets.some((secret) => text.includes(secret)) || /hash|sealed|secret":/i.test(text)) {
      faults.push(`${target}: ${text.slice(0, 500)}`);
    }
  }
  return faults;
}

/** Headers, as long as the gateway takes them, by which a service behind it cannot be called any more. */
export async function headersThatAreTooLong(system: System, world: World): Promise<string[]> {
  const { accessToken: token, user, password } = world.other;
  const long = "a".repeat(12_000);
  const faults: string[] = [];
  for (const [name, value] of [
    ["authorization", `Bearer ${long}`],
    ["x-correlation-id", long],
    ["traceparent", `00-${"a".repeat(32)}-${"b".repeat(16)}-01-${long}`],
    ["tracestate", `a=${long}`],
    ["baggage", `a=${long}`],
    ["user-agent", long],
    ["cookie", `a=${long}`],
    ["x-forwarded-for", Array(1500).fill("1.2.3.4").join(", ")],
  ] as const) {
    const login = { body: { login: user.username, password }, headers: { [name]: value } };
    const answers = [await rest(system, "POST", "/api/auth/login", login)];
    if (name !== "authorization") {
      answers.push(await rest(system, "GET", "/api/projects", { token, headers: { [name]: value } }));
    }
    faults.push(...answers.filter(({ status }) => status !== 200).map(({ status }) => `${name}: ${status}`));
  }
  return faults;
}
