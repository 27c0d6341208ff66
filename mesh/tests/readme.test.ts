import { readFile } from "node:fs/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { meshErrors, type RunningService, type ServiceOptions, startService } from "../src/index.ts";
import { codeName } from "../src/server/answer-error.ts";
import { startTestRedis, type TestStore } from "./stores.ts";

const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");

let redis: TestStore;
let service: RunningService | undefined;

beforeAll(async () => {
  redis = await startTestRedis("js");
});

afterAll(async () => {
  await service?.stop();
  await redis.close();
});

describe("the README of the mesh", () => {
  it("shows a service that runs as it is written", async () => {
    const source = /<!-- run by mesh\/tests\/readme\.test\.ts -->\n```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? "";
    const body = source.replace(/^import .*\n/gm, "").trim();
    expect(body).toMatch(/^await startService\(/);
    const env = {
      REDIS_URL: redis.url,
      GRPC_PORT: "0",
      HTTP_PORT: "0",
      METRICS_PORT: "0",
      HEALTH_PORT: "0",
      LOG_LEVEL: "fatal",
    };
    const start = (options: ServiceOptions) => startService({ ...options, env, handleSignals: false });
    const run = new Function(
      "startService",
      "UserService",
      `return (async () => { return ${body.replace(/^await /, "")} })()`,
    ) as (
      start: (options: ServiceOptions) => Promise<RunningService>,
      users: typeof UserService,
    ) => Promise<RunningService>;
    service = await run(start, UserService);
    const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${service.mesh.ports.grpc}` });
    const answer = await createClient(UserService, transport).validateUserExists({ userId: "1" });
    expect(answer).toMatchObject({ exists: true, username: "ada" });
  });

  it("lists every error of the mesh with its status", () => {
    for (const [code, { code: status }] of Object.entries(meshErrors)) {
      expect(readme).toContain(`| ${code} | ${codeName(status).toUpperCase()} |`);
    }
  });
});
