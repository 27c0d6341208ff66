import { create } from "@bufbuild/protobuf";
import type { ConnectError, ConnectRouter } from "@connectrpc/connect";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { GetUserByIdRequestSchema } from "@weft/proto/weft/user/v1/user_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { expect, onTestFinished } from "vitest";
import { systemClock } from "../src/clock.ts";
import { Http2Connection, type Http2ConnectionOptions } from "../src/pool/http2-connection.ts";
import { type ScriptedPeer, type ScriptedPeerOptions, startScriptedPeer } from "../src/testing/scripted-peer.ts";
import { until } from "../src/testing/until.ts";
import { type CallFixtureOptions, callFixture } from "./call-fixture.ts";
import { noCounters, ProbeCall } from "./probe-call.ts";
import { type FakePeer, type FakePeerOptions, RawLane, startFakePeer } from "./raw-lane.ts";

/* What the tests of lanes build on; each thing ends with the test that asked for it. */

export async function serve(
  routes: (router: ConnectRouter) => void,
  options: ScriptedPeerOptions = {},
): Promise<ScriptedPeer> {
  const peer = await startScriptedPeer(routes, options);
  onTestFinished(() => peer.destroy());
  return peer;
}

export async function fakePeer(options: FakePeerOptions = {}): Promise<FakePeer> {
  const peer = await startFakePeer(options);
  onTestFinished(() => peer.destroy());
  return peer;
}

/** The whole path of a call, once every instance is connected. */
export async function callers(ports: readonly number[], options: CallFixtureOptions = {}) {
  const fixture = callFixture(ports, {
    ...options,
    peer: { scaler: { minConnections: 1, maxConnections: 1 }, slowStartMs: 0, ...options.peer },
  });
  onTestFinished(() => {
    for (const { pool } of fixture.peer.endpoints) {
      pool.destroy("the test is over");
    }
    fixture.peer.drain();
  });
  await until("every instance is connected", () => fixture.peer.endpoints.every(({ pool }) => pool.open > 0));
  return { ...fixture, users: fixture.path.client(UserService), projects: fixture.path.client(ProjectService) };
}

/** One open connection. */
export async function connected(port: number, options: Partial<Http2ConnectionOptions> = {}): Promise<Http2Connection> {
  const connection = new Http2Connection({
    id: 1,
    endpoint: `127.0.0.1:${port}`,
    clock: systemClock,
    laneCounters: noCounters(),
    ...options,
  });
  onTestFinished(() => connection.destroy("the test is over"));
  await connection.opened;
  return connection;
}

/** A lane spoken by hand, once the server has said what it allows. */
export async function rawLane(port: number): Promise<RawLane> {
  const lane = new RawLane(port);
  onTestFinished(() => lane.destroy());
  await until("the settings are there", () => lane.settings);
  return lane;
}

export function probe(userId = "u", options: ConstructorParameters<typeof ProbeCall>[2] = {}): ProbeCall {
  return new ProbeCall(UserService.method.getUserById, create(GetUserByIdRequestSchema, { userId }), options);
}

/** What a promise is rejected with. */
export function failure<E = ConnectError>(promise: Promise<unknown>): Promise<E> {
  return promise.then(
    () => expect.fail("it was answered"),
    (error: unknown) => error as E,
  );
}

/** Lets what was said in this turn of the event loop be written. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
