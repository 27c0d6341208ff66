import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Code, type ConnectRouter } from "@connectrpc/connect";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serviceError } from "../src/service-error.ts";
import { type ScriptedPeer, startScriptedPeer } from "../src/testing/scripted-peer.ts";

/*
 * A lane is a published gRPC method: here a client that shares no code with us speaks it, Debian's python3-grpcio with the
 * .proto and nothing else. The CI machine installs it; without it these tests say so and are skipped.
 */

const python = "/usr/bin/python3";
const root = join(import.meta.dirname, "../..");
const available = spawnSync(python, ["-c", "import grpc, google.protobuf"]).status === 0;

const routes = (router: ConnectRouter) =>
  router.service(UserService, {
    getUserById: async ({ userId }, context) => {
      if (userId === "missing") {
        throw serviceError(Code.NotFound, "USER_NOT_FOUND", "there is no such user");
      }
      if (userId === "hang") {
        await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
      }
      return { userId, username: context.requestHeader.get("tenant") ?? "none" };
    },
  });

describe.skipIf(!available)("a lane spoken by grpcio for Python", () => {
  let peer: ScriptedPeer;
  let folder: string;

  beforeAll(async () => {
    peer = await startScriptedPeer(routes);
    folder = await mkdtemp(join(tmpdir(), "weft-lane-"));
  });

  afterAll(async () => {
    peer.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  it("answers calls in one batch, each with its own outcome", async () => {
    const run = promisify(execFile);
    const descriptors = join(folder, "weft.binpb");
    await run(join(root, "node_modules/.bin/buf"), ["build", "--as-file-descriptor-set", "-o", descriptors], {
      cwd: root,
    });
    const script = join(import.meta.dirname, "lane-client.py");
    const { stdout } = await run(python, [script, String(peer.port), descriptors], { timeout: 30_000 });
    const { settings, answers, status } = JSON.parse(stdout) as {
      settings: unknown;
      answers: Record<string, unknown>;
      status: string;
    };
    expect(status).toBe("OK");
    expect(settings).toEqual({ maxInFlight: 4096, maxMessageBytes: 65_536 });
    expect(answers).toMatchObject({
      1: { code: 0, user: "a", username: "blue" },
      2: { code: 0, user: "b", username: "blue" },
      3: { code: Code.NotFound, details: ["type.googleapis.com/google.rpc.ErrorInfo"], unprocessed: false },
      4: { code: Code.Unimplemented, unprocessed: true },
      5: { code: Code.Canceled },
      6: { code: Code.DeadlineExceeded },
      7: { code: Code.InvalidArgument },
    });
  }, 300_000);
});
