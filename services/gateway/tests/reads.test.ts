import { create } from "@bufbuild/protobuf";
import { until } from "@weft/mesh/testing";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { GetProjectResponseSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

let harness: GatewayHarness;
let description = "first";
/** Calls that were let through to the point where they are joined or made. */
let admitted = 0;
/** Lets the reads of project "held" go on. */
let release = Promise.withResolvers<void>();

beforeAll(async () => {
  harness = await startGateway({
    env: { WEFT_RATE_LIMITS: "*=0.001/1000" },
    rateLimits: {
      take: async (requests) => {
        admitted += requests.reduce((sum, { most }) => sum + most, 0);
        return requests.map(({ most }) => ({ granted: most, aheadUs: 0 }));
      },
    },
    routes: (router) => {
      router.service(AuthService, { getJwks: () => ({ keys: [] }) });
      router.service(ProjectService, {
        getProject: async ({ id }) => {
          const answer = create(GetProjectResponseSchema, { project: { id, description } });
          if (id === "held") {
            await release.promise;
          }
          return answer;
        },
        updateProject: ({ id }) => ({ project: { id } }),
      });
    },
  });
});
afterAll(() => harness.stop());
beforeEach(() => {
  harness.calls.length = 0;
  release = Promise.withResolvers<void>();
  description = "first";
  admitted = 0;
});

const get = (path: string, headers: Record<string, string> = { authorization: "Bearer alice" }) =>
  fetch(`${harness.url}${path}`, { headers });
const arrived = (count: number) => until(`${count} requests are there`, () => admitted === count);

describe("reads that are under way", () => {
  it("are one call to the service for all who ask with the same token", async () => {
    const all = [get("/api/projects/held"), get("/api/projects/held"), get("/api/projects/held")];
    await arrived(3);
    release.resolve();
    const bodies = await Promise.all(all.map(async (each) => (await each).text()));
    expect(new Set(bodies).size).toBe(1);
    expect(harness.calls.length).toBe(1);
  });

  it("are never shared between users", async () => {
    const all = [get("/api/projects/held"), get("/api/projects/held", { authorization: "Bearer bob" })];
    await arrived(2);
    await until("both are asked", () => harness.calls.length === 2);
    release.resolve();
    await Promise.all(all);
  });

  it("do not hide from a user what they have just changed", async () => {
    const before = get("/api/projects/held");
    await until("it is asked", () => harness.calls.length === 1);
    description = "second";
    const changed = await fetch(`${harness.url}/api/projects/held`, {
      method: "PATCH",
      headers: { authorization: "Bearer alice", "content-type": "application/json" },
      body: '{"name":"n"}',
    });
    expect(changed.status).toBe(200);
    const after = get("/api/projects/held");
    await until("it is asked again", () => harness.calls.length === 3);
    release.resolve();
    expect(await (await before).json()).toMatchObject({ description: "first" });
    expect(await (await after).json()).toMatchObject({ description: "second" });
  });
});

describe("answers to GET", () => {
  it("carry an entity tag, and are not sent again to who has them", async () => {
    const first = await get("/api/projects/p");
    const tag = first.headers.get("etag") ?? "";
    expect(tag).toMatch(/^"[\w-]{22}"$/);
    expect(first.headers.get("cache-control")).toBe("no-store");
    const authorization = "Bearer alice";
    const again = await get("/api/projects/p", { authorization, "if-none-match": `"other", ${tag}` });
    expect(again.status).toBe(304);
    expect(again.headers.get("etag")).toBe(tag);
    expect(again.headers.get("x-correlation-id")).not.toBeNull();
    expect(await again.text()).toBe("");
    description = "second";
    const changed = await get("/api/projects/p", { authorization, "if-none-match": tag });
    expect(changed.status).toBe(200);
    expect(changed.headers.get("etag")).not.toBe(tag);
  });

  it("of who may not read carry none", async () => {
    const refused = await get("/api/projects/p", { "if-none-match": "*" });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("etag")).toBeNull();
  });

  it("are kept where the contract allows it, and say so", async () => {
    const first = await get("/.well-known/jwks.json", {});
    expect(first.headers.get("cache-control")).toBe("public, max-age=10");
    await get("/.well-known/jwks.json", {});
    expect(harness.calls.length).toBe(1);
  });
});
