import { create, type MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type ChildCalls, type Mesh, MeshError, runInCall, serviceError, type UnaryCallOptions } from "@weft/mesh";
import { FakeClock, silentLogger } from "@weft/mesh/testing";
import { GetProjectRequestSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { describe, expect, it } from "vitest";
import { BackendShares } from "../traffic/backend-shares.ts";
import { createReads } from "../traffic/reads.ts";
import { signalledClient } from "./client-wait.ts";
import { createForwarder } from "./forwarder.ts";

const method = ProjectService.method.getProject;
const request: MessageShape<typeof GetProjectRequestSchema> = create(GetProjectRequestSchema, { id: "p" });

/** A forwarder whose service answers as `unary` does, and notes the time it was given. */
function forwarder(answer: (calls: ChildCalls) => Promise<unknown>, instances = 1) {
  const timeouts: (number | undefined)[] = [];
  const metadata: unknown[] = [];
  const clock = new FakeClock();
  const unary = (_method: unknown, _message: unknown, options: UnaryCallOptions) => {
    timeouts.push(options.timeoutMs);
    metadata.push(options.metadata);
    return answer(options.endsWith as ChildCalls);
  };
  const made = createForwarder({
    upstreams: [{ peer: "project-service", services: [ProjectService] }],
    shares: new BackendShares(100, () => undefined),
    reads: createReads(clock, { maxBytes: 0 }),
    gate: { admit: async () => undefined, answerHeaders: () => [], methodOf: () => undefined },
    call: unary as Mesh["call"],
    transport: () => expect.unreachable("a stream"),
    peerState: () => ({ instances }),
    clock,
    logger: silentLogger,
    defaultTimeoutMs: 1000,
    maxTimeoutMs: 5000,
  });
  const headers = new Headers();
  const call = (timeoutMs?: number, signal = new AbortController().signal, message = request) =>
    made.unary(method, message, { headers, client: signalledClient(signal), timeoutMs, fresh: true });
  return { call, timeouts, metadata, headers, clock };
}

/** A service that answers nothing, and notes why it was told to stop. */
function silentService() {
  const reasons: unknown[] = [];
  const unary = (calls: ChildCalls) =>
    new Promise((_, reject) => {
      const abort = (reason: unknown): void => {
        reasons.push(reason);
        reject(new ConnectError("canceled", Code.Canceled));
      };
      calls.add({ abort, nextSibling: undefined, previousSibling: undefined });
    });
  return { unary, reasons };
}

describe("createForwarder", () => {
  it("gives a call the time its client asks for, within bounds", async () => {
    const { call, timeouts } = forwarder(async () => request);
    await call();
    await call(2000);
    await call(60_000);
    expect(timeouts).toEqual([1000, 2000, 5000]);
  });

  it("ends the call of an impatient client by cancellation, so that no instance is blamed", async () => {
    const { unary, reasons } = silentService();
    const { call, timeouts, clock } = forwarder(unary);
    const answer = call(3).catch((error: unknown) => error);
    await clock.advance(5);
    expect(await answer).toMatchObject({ code: Code.DeadlineExceeded });
    expect(reasons).toEqual([expect.objectContaining({ name: "AbortError" })]);
    expect(timeouts).toEqual([1000]);
  });

  it("takes the end of a client's time for no more than that, whoever watches it", async () => {
    const { unary, reasons } = silentService();
    const { call } = forwarder(unary);
    const client = new AbortController();
    const context = { correlationId: "c", deadlineMs: 3, signal: client.signal };
    const answer = runInCall(context, () => call(3, client.signal)).catch((error: unknown) => error);
    client.abort(new ConnectError("the operation timed out", Code.DeadlineExceeded));
    expect(await answer).toMatchObject({ code: Code.DeadlineExceeded });
    expect(reasons).toEqual([expect.objectContaining({ name: "AbortError" })]);
  });

  it("lends a call the authorization of the call at hand, unless the client's was taken away", async () => {
    const { call, metadata, headers } = forwarder(async () => request);
    const context = { correlationId: "c", authorization: "Bearer t" };
    await runInCall(context, () => call());
    headers.set("authorization", "");
    await runInCall(context, () => call());
    expect(metadata).toEqual([
      ["authorization", "Bearer t"],
      ["authorization", ""],
    ]);
  });

  it("passes on no text that a database would choke on", async () => {
    const { call, timeouts } = forwarder(async () => request);
    const refused = call(undefined, undefined, create(GetProjectRequestSchema, { id: "a\0b" }));
    await expect(refused).rejects.toMatchObject({
      code: Code.InvalidArgument,
      rawMessage: expect.stringMatching(/^id:/),
    });
    expect(timeouts).toEqual([]);
  });

  it("asks no service that has no instance", async () => {
    const { call, timeouts } = forwarder(async () => request, 0);
    await expect(call()).rejects.toMatchObject({ code: Code.Unavailable });
    expect(timeouts).toEqual([]);
  });

  const meshError = (code: Code, reason: string) =>
    serviceError(code, reason, "weft.project.v1.ProjectService/GetProject: 10.0.0.7 refused", {
      cause: new MeshError("CONNECT_FAILED"),
    });

  it.each([
    ["a mesh without connection", meshError(Code.Unavailable, "MESH_CONNECT_FAILED"), Code.Unavailable],
    ["a mesh at its ceiling", meshError(Code.ResourceExhausted, "MESH_CONNECTION_CEILING"), Code.Unavailable],
    ["a late answer", meshError(Code.DeadlineExceeded, "MESH_DEADLINE_EXCEEDED"), Code.DeadlineExceeded],
    ["an undeclared peer", meshError(Code.Internal, "MESH_PEER_UNDECLARED"), Code.Internal],
    ["a bare failure", new Error("10.0.0.7"), Code.Internal],
    ["an unknown error", new ConnectError("10.0.0.7", Code.Unknown), Code.Internal],
    ["a bare unavailability", new ConnectError("10.0.0.7", Code.Unavailable), Code.Unavailable],
  ])("tells nothing of the inside when it meets %s", async (_, error, code) => {
    const { call } = forwarder(() => Promise.reject(error));
    const answer = (await call().catch((caught: unknown) => caught)) as ConnectError;
    expect(answer.code).toBe(code);
    expect(answer.message).not.toContain("10.0.0.7");
    expect(answer.metadata.get("retry-after")).toBe(code === Code.Unavailable ? "1" : null);
  });
});
