import { until } from "@weft/mesh/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Account, rest, type System, signUp, startSystem } from "./system.ts";

/* Questions about an architecture, as an outsider asks them over REST: start, watch, read the answer and its page. */

interface Study {
  readonly id: string;
  readonly status: string;
  readonly progress?: number;
  readonly failureReason?: string;
}

let system: System;
let owner: Account;
let project: string;

beforeAll(async () => {
  system = await startSystem();
  owner = await signUp(system);
  const body = { name: "Shop", templateId: "web-shop" };
  project = (await rest<{ id: string }>(system, "POST", "/api/projects", { token: owner.accessToken, body })).body.id;
});

afterAll(() => system?.stop());

const ask = <Body>(method: string, path: string, body?: object) =>
  rest<Body>(system, method, path, { token: owner.accessToken, ...(body === undefined ? {} : { body }) });

async function answered(question: object): Promise<Study> {
  const size = { durationSeconds: 5, warmupSeconds: 1, replications: 3 };
  const { status, body } = await ask<Study>("POST", `/api/projects/${project}/studies`, { ...size, ...question });
  expect([status, body.status]).toEqual([200, "PENDING"]);
  return until("the study is answered", async () => {
    const study = (await ask<Study>("GET", `/api/studies/${body.id}`)).body;
    return ["COMPLETED", "FAILED", "CANCELLED"].includes(study.status) ? study : undefined;
  });
}

describe("a study over REST", () => {
  it("is answered with plain data and a page that stands alone", async () => {
    const study = await answered({ run: {} });
    expect(study).toMatchObject({ status: "COMPLETED", progress: 1 });
    const { body: result } = await ask<Record<string, unknown>>("GET", `/api/studies/${study.id}/result`);
    expect(result).toMatchObject({
      replications: 3,
      durationMs: 5000,
      latency: { p99Ms: { value: expect.any(Number) } },
    });
    const { body: report } = await ask<{ html: string }>("GET", `/api/studies/${study.id}/report`);
    expect(report.html).toMatch(/^<!doctype html>[\s\S]*Shop/);
    const { body: page } = await ask<{ studies: Study[] }>("GET", `/api/projects/${project}/studies?pageSize=1`);
    expect(page.studies).toMatchObject([{ id: study.id, question: "run" }]);
  });

  it("compares the project with itself, changed", async () => {
    const { body } = await ask<{ architecture: { components: { id: string; kind: string }[] } }>(
      "GET",
      `/api/projects/${project}`,
    );
    const changed = body.architecture.components.find(({ kind }) => kind === "service")?.id;
    const study = await answered({ compare: { settings: [`${changed}.instances=9`] } });
    expect(study).toMatchObject({ status: "COMPLETED" });
    const { body: result } = await ask<Record<string, unknown>>("GET", `/api/studies/${study.id}/result`);
    expect(result).toMatchObject({ before: "Shop", after: `${changed}.instances=9`, replications: 3 });
  });

  it("is cancelled within a second", async () => {
    const long = { run: {}, durationSeconds: 600, replications: 300 };
    const { body } = await ask<Study>("POST", `/api/projects/${project}/studies`, long);
    await until("it runs", async () => {
      const { status } = (await ask<Study>("GET", `/api/studies/${body.id}`)).body;
      return status === "RUNNING" ? true : undefined;
    });
    const cancelled = await ask<Study>("POST", `/api/studies/${body.id}:cancel`, {});
    expect(cancelled.body.status).toBe("CANCELLED");
    expect(await ask("GET", `/api/studies/${body.id}/result`)).toMatchObject({ status: 400 });
  });

  it("is refused with the one model of errors", async () => {
    const path = `/api/projects/${project}/studies`;
    const nothing = await ask<{ code: string }>("POST", path, {});
    expect([nothing.status, nothing.body.code]).toEqual([400, "invalid_argument"]);
    const wrong = await ask("POST", path, { run: {}, settings: ["nobody.instances=2"] });
    expect(wrong.status).toBe(400);
    expect(JSON.stringify(wrong.body)).toContain("settings[0]");
    const stranger = await signUp(system);
    expect((await rest(system, "GET", path, { token: stranger.accessToken })).status).toBe(404);
  });
});
