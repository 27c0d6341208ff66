import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { StudyService } from "@weft/proto/weft/simulation/v1/study_service_pb.ts";
import { describe, expect, it } from "vitest";
import { createRateLimitPolicies } from "./rate-limit-policies.ts";
import { parseRateLimitRules } from "./rate-limit-rules.ts";

const methods = [...AccountService.methods, ...ProjectService.methods];
const { login, refresh } = AccountService.method;
const { getProject, createProject } = ProjectService.method;
const policies = (text = "") => createRateLimitPolicies(methods, parseRateLimitRules("WEFT_RATE_LIMITS", text));

describe("the limit of a method", () => {
  it("is 10 a second and 20 at once, shared, unless somebody says otherwise", () => {
    const limit = { ratePerSecond: 10, burst: 20 };
    expect(policies()(getProject)).toEqual({ name: "default", limit, cost: 1, whenStoreAway: "local" });
    expect(policies()(createProject)?.name).toBe("default");
  });

  it("is what its contract says; what guesses at passwords is closed while calls cannot be counted", () => {
    expect(policies()(login)).toEqual({
      name: "weft.auth.v1.AccountService/Login",
      limit: { ratePerSecond: 5, burst: 20 },
      cost: 1,
      whenStoreAway: "closed",
    });
    expect(policies()(refresh)?.whenStoreAway).toBe("local");
  });

  it("ASVS 15.1.3: is smaller, or paid for dearer, where a call costs much work, by its contract", () => {
    const costly = [
      ...[AccountService.method.signup, login, AccountService.method.requestPasswordReset],
      ...[
        ProjectService.method.importProject,
        SimulationService.method.startSimulation,
        StudyService.method.startStudy,
      ],
    ];
    const of = createRateLimitPolicies(costly, []);
    for (const method of costly) {
      const policy = of(method);
      const callsPerSecond = (policy?.limit.ratePerSecond ?? Number.POSITIVE_INFINITY) / (policy?.cost ?? 1);
      expect({ method: method.name, isDear: callsPerSecond <= 5 }).toEqual({ method: method.name, isDear: true });
    }
  });

  it("can be configured for the rest, a service and a method, the nearest winning", () => {
    const of = policies("*=100/200, weft.auth.v1.AccountService/*=50/60, weft.auth.v1.AccountService/Login=7/8 local");
    expect(of(getProject)).toMatchObject({ name: "default", limit: { ratePerSecond: 100, burst: 200 } });
    expect(of(refresh)).toMatchObject({
      name: "weft.auth.v1.AccountService/*",
      limit: { ratePerSecond: 50, burst: 60 },
    });
    expect(of(login)).toMatchObject({ limit: { ratePerSecond: 7, burst: 8 }, whenStoreAway: "local" });
  });

  it("of a contract stays when only the rest is configured, and what closes stays closed", () => {
    expect(policies("*=100/200")(login)?.limit).toEqual({ ratePerSecond: 5, burst: 20 });
    expect(policies("weft.auth.v1.AccountService/*=100/200")(login)?.whenStoreAway).toBe("closed");
  });

  it("can be switched off, and can cost more", () => {
    expect(policies("*=off")(getProject)).toBeUndefined();
    expect(policies("weft.project.v1.ProjectService/CreateProject=1/10 cost 5")(createProject)?.cost).toBe(5);
  });
});

describe("a configuration", () => {
  it.each([
    ["everything", "everything"],
    ["*=0/20", "0.001"],
    ["*=10/0", "from 1 to"],
    ["*=10/20 open", "local or closed"],
    ["*=1/2, *=3/4", "twice"],
  ])("of %s is refused, and told why", (text, why) => {
    expect(() => parseRateLimitRules("WEFT_RATE_LIMITS", text)).toThrow(why);
    expect(() => parseRateLimitRules("WEFT_RATE_LIMITS", text)).toThrow("WEFT_RATE_LIMITS");
  });

  it("that names a method that nobody may call, or one dearer than its budget, is refused", () => {
    expect(() => policies("weft.project.v1.ProjectService/GetProjct=1/2")).toThrow("GetProjct");
    expect(() => policies("weft.project.v1.ProjectService/GetProject=1/2 cost 3")).toThrow("costs 3");
  });
});
