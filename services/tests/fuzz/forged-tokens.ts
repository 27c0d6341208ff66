import { ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { forgerOf, readSigningKey, tokenForgeries } from "@weft/auth/testing";
import { errorReason } from "@weft/mesh";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { WebSocket } from "ws";
import { rest, type System } from "../system.ts";
import type { World } from "./world.ts";

/*
 * The corpus of forged tokens at every door of a whole system: the gateway in each of its protocols, and a service whose
 * port somebody inside the network can reach. The forger has even stolen the key.
 */

/** The answer to who knocks with a token: a word, or the reason of the refusal. */
type Door = (token: string) => Promise<string>;

/** What each forgery that was not refused as it should be was answered with, and where. */
export async function faultsOfForgeries(system: System, world: World, keySecret: string): Promise<string[]> {
  const { stores } = (await system.record()) as { stores: { postgres: { url: string } } };
  const key = await readSigningKey(stores.postgres.url, keySecret);
  const forger = forgerOf(world.owner.accessToken, key, () => Math.floor(Date.now() / 1000));
  const doors = Object.entries(doorsOf(system));
  const faults: string[] = [];
  for (const [name, knock] of doors) {
    const answer = await knock(forger.token);
    if (answer !== "let in") {
      faults.push(`${name}: the genuine token: ${answer}`);
    }
  }
  for (const { what, reason, make } of tokenForgeries) {
    const token = await make(forger);
    const expected = reason === "expired" ? "TOKEN_EXPIRED" : "TOKEN_INVALID";
    const answers = await Promise.all(doors.map(async ([name, knock]) => [name, await knock(token)] as const));
    // What is too long for a frame is no frame.
    const isRefused = (answer: string) => answer === expected || answer === "FRAME_INVALID";
    faults.push(...answers.filter(([, answer]) => !isRefused(answer)).map((each) => `${what}: ${each.join(": ")}`));
  }
  return faults;
}

function doorsOf(system: System): Readonly<Record<string, Door>> {
  const grpc = (port: number) => createGrpcTransport({ baseUrl: `http://127.0.0.1:${port + system.portOffset}` });
  const [gateway, service] = [grpc(8004), grpc(10_000)];
  return {
    "REST at the gateway": async (token) => reasonIn(await rest(system, "GET", "/api/auth/profile", { token })),
    "Connect at the gateway": async (token) =>
      reasonIn(await rest(system, "POST", "/weft.auth.v1.AccountService/GetProfile", { token, body: {} })),
    "gRPC at the gateway": (token) =>
      over(gateway, token, (to, options) => createClient(AccountService, to).getProfile({}, options)),
    "gRPC at a service": (token) =>
      over(service, token, (to, options) => createClient(ProjectService, to).listProjects({}, options)),
    "a WebSocket at the gateway": (token) => connectFrame(system, token),
  };
}

/** The reason, wherever a protocol has put it. */
function reasonIn({ status, body }: { readonly status: number; readonly body: unknown }): string {
  return status === 200 ? "let in" : (/"reason":"(\w+)"/.exec(JSON.stringify(body))?.[1] ?? JSON.stringify(body));
}

async function over(
  transport: Transport,
  token: string,
  call: (transport: Transport, options: { headers: { authorization: string } }) => Promise<unknown>,
): Promise<string> {
  try {
    await call(transport, { headers: { authorization: `Bearer ${token}` } });
    return "let in";
  } catch (error) {
    return errorReason(error) ?? String(ConnectError.from(error));
  }
}

function connectFrame(system: System, token: string): Promise<string> {
  const socket = new WebSocket(`${system.address.replace(/^http/, "ws")}/ws`, "weft.v1");
  return new Promise((resolve) => {
    socket.on("open", () => socket.send(JSON.stringify({ id: 1, connect: { token } })));
    socket.on("message", (data) => {
      const frame = JSON.parse(String(data)) as { connected?: object; error?: { reason?: string } };
      resolve(frame.connected === undefined ? (frame.error?.reason ?? String(data)) : "let in");
      socket.terminate();
    });
    socket.on("error", (error) => resolve(String(error)));
    socket.on("close", (code) => resolve(`closed with ${code}`));
  });
}
