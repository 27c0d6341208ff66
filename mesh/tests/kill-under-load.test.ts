import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { afterEach, describe, expect, test } from "vitest";
import { until } from "../src/testing/until.ts";
import { callFixture } from "./call-fixture.ts";

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) {
    await cleanup();
  }
});

/** An instance in a process of its own, which answers with its name. */
async function childInstance(name: string): Promise<{ child: ChildProcess; port: number }> {
  const href = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  const script = `
    const { startScriptedPeer } = await import(${href("../src/testing/scripted-peer.ts")});
    const { UserService } = await import(${href("../../proto/gen/weft/user/v1/user_service_pb.ts")});
    const peer = await startScriptedPeer((router) => {
      router.service(UserService, { getUserById: () => ({ username: ${JSON.stringify(name)} }) });
    });
    console.log(peer.port);
    process.on("disconnect", () => process.exit());`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  cleanups.push(() => {
    child.kill("SIGKILL");
    return ended;
  });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, "data")) as [Buffer];
  return { child, port: Number(line.toString()) };
}

describe("an instance that is killed under load", () => {
  test("costs no idempotent call while another one runs", async () => {
    const [killed, staying] = await Promise.all([childInstance("killed"), childInstance("staying")]);
    const { peer, path } = callFixture([killed.port, staying.port]);
    cleanups.push(() => peer.drain());
    await until(
      "both are connected",
      () => peer.state().available === 2 && peer.endpoints.every(({ pool }) => pool.open > 0),
    );
    const users = path.client(UserService);
    const answers = { killed: 0, staying: 0 };
    let over = false;
    const caller = async (): Promise<void> => {
      while (!over) {
        const { username } = await users.getUserById({ userId: "u1" });
        answers[username as keyof typeof answers] += 1;
      }
    };
    const load = Promise.all(Array.from({ length: 32 }, caller));
    await until("both answer", () => answers.killed > 100 && answers.staying > 100);
    killed.child.kill("SIGKILL");
    await until("the loss is known", () => peer.state().available === 1);
    const before = answers.staying;
    await until("the other one carries on", () => answers.staying > before + 200);
    over = true;
    await expect(load).resolves.toHaveLength(32);
  });
});
