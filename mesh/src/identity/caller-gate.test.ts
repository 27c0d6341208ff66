import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, createRouterTransport } from "@connectrpc/connect";
import { Health } from "@weft/proto/grpc/health/v1/health_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { Metrics } from "../metrics/metrics.ts";
import { errorMetadata, errorReason } from "../service-error.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import type { CallerPolicy } from "./authorization.ts";
import { type CallerGate, callerKey, createCallerGate } from "./caller-gate.ts";

const getUser = "weft.user.v1.UserService/GetUser";
const deleteUser = "weft.user.v1.UserService/DeleteUser";

function setUp(options: { policy?: CallerPolicy; identified?: boolean; development?: boolean } = {}) {
  const clock = new FakeClock();
  const metrics = new Metrics();
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: "warn" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const gate = createCallerGate({
    policy: { [getUser]: ["auth-service"] },
    services: [UserService],
    ownServices: [Health],
    identified: true,
    development: true,
    clock,
    logger,
    metrics,
    ...options,
  });
  return { clock, metrics, lines, gate: gate as CallerGate };
}

describe("a refusal", () => {
  test("names the caller and the method, for people and for programs", () => {
    const error = setUp().gate.refusal(getUser, "project-service");
    expect(error.code).toBe(Code.PermissionDenied);
    expect(errorReason(error)).toBe("CALLER_NOT_ALLOWED");
    expect(error.rawMessage).toBe(`project-service may not call ${getUser}`);
    expect(errorMetadata(error)).toEqual({ caller: "project-service", method: getUser });
    expect(setUp().gate.refusal(getUser, undefined).rawMessage).toBe(
      `a caller without identity may not call ${getUser}`,
    );
  });

  test("is counted each time and logged once a second", async () => {
    const { gate, metrics, lines, clock } = setUp();
    for (let call = 0; call < 5; call += 1) {
      gate.refusal(deleteUser, "project-service");
    }
    await clock.advance(1000);
    gate.refusal(deleteUser, "project-service");
    expect((await metrics.render()).text).toContain(
      `weft_callers_denied_total{caller="project-service",method="${deleteUser}"} 6`,
    );
    expect(lines).toMatchObject([{ caller: "project-service", method: deleteUser, suppressed: 0 }, { suppressed: 4 }]);
  });
});

describe("the interceptor", () => {
  const ask = async (caller: string | undefined, method: "getUser" | "validateUserExists") => {
    const { gate } = setUp();
    const known: Parameters<typeof createRouterTransport>[1] = {
      router: {
        interceptors: [
          (next) => (request) => {
            request.contextValues.set(callerKey, caller);
            return next(request);
          },
          gate.interceptor(),
        ],
      },
    };
    const transport = createRouterTransport(
      (router) =>
        void router.service(UserService, { getUser: () => ({}), validateUserExists: () => ({ exists: true }) }),
      known,
    );
    const answer = transport.unary(UserService.method[method] as DescMethodUnary, undefined, undefined, undefined, {});
    return answer.then(
      () => "answered",
      (error: unknown) => errorReason(error),
    );
  };

  test("lets a caller through whom the policy names, and nobody else", async () => {
    expect(await ask("auth-service", "getUser")).toBe("answered");
    expect(await ask("project-service", "getUser")).toBe("CALLER_NOT_ALLOWED");
    expect(await ask(undefined, "getUser")).toBe("CALLER_NOT_ALLOWED");
    expect(await ask("auth-service", "validateUserExists")).toBe("CALLER_NOT_ALLOWED");
  });
});

describe("without identities", () => {
  test("there is no gate, and production is told", () => {
    const production = setUp({ identified: false, development: false });
    expect(production.gate).toBeUndefined();
    expect(production.lines).toMatchObject([{ msg: expect.stringContaining("no caller policy is enforced") }]);
    expect(setUp({ identified: false }).lines).toEqual([]);
  });

  test("a policy that names an unknown method is refused all the same", () => {
    expect(() => setUp({ identified: false, policy: { "weft.user.v1.UserService/Nothing": ["*"] } })).toThrow(
      '"weft.user.v1.UserService/Nothing" is no method that this service serves',
    );
  });
});

test("a service that takes anyone has no gate", () => {
  expect(setUp({ policy: { "*": ["anyone"] } }).gate).toBeUndefined();
});
