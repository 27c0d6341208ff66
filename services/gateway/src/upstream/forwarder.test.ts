import { create, type MessageShape } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { MeshError, serviceError } from "@weft/mesh";
import { silentLogger } from "@weft/mesh/testing";
import { GetProjectRequestSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { describe, expect, it } from "vitest";
import { createForwarder } from "./forwarder.ts";

const method = ProjectService.method.getProject;
const request: MessageShape<typeof GetProjectRequestSchema> = create(GetProjectRequestSchema, { id: "p" });

/** A forwarder whose service answers as `unary` does, and notes the time it was given. */
function forwarder(unary: () => Promise<unknown>, instances = 1) {
  const timeouts: (number | undefined)[] = [];
  const transport = {
    unary: (_method: unknown, _signal: unknown, timeoutMs: number | undefined) => {
      timeouts.push(timeoutMs);
      return unary();
    },
  } as unknown as Transport;
  const made = createForwarder({
    upstreams: [{ peer: "project-service", services: [ProjectService] }],
    authenticate: async () => undefined,
    transport: () => transport,
    peerState: () => ({ instances }),
    logger: silentLogger,
    defaultTimeoutMs: 1000,
    maxTimeoutMs: 5000,
  });
  const call = (timeoutMs?: number) =>
    made.unary(method, request, { headers: new Headers(), signal: new AbortController().signal, timeoutMs });
  return { call, timeouts };
}

describe("createForwarder", () => {
  it("gives a call the time its client asks for, within bounds", async () => {
    const { call, timeouts } = forwarder(async () => ({ message: request }));
    await call();
    await call(2000);
    await call(60_000);
    expect(timeouts).toEqual([1000, 2000, 5000]);
  });

  it("asks no service that has no instance", async () => {
    const { call, timeouts } = forwarder(async () => ({ message: request }), 0);
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
