import { Code, createClient, createRouterTransport } from "@connectrpc/connect";
import { serviceError } from "@weft/mesh";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";

let harness: GatewayHarness;

beforeAll(async () => {
  harness = await startGateway({
    routes: (router) => {
      router.service(ProjectService, {
        getProject: ({ id }) => {
          if (id === "missing") {
            throw serviceError(Code.NotFound, "PROJECT_NOT_FOUND", "there is no such project");
          }
          return { project: { id } };
        },
      });
    },
  });
});
afterAll(() => harness.stop());

const clientOf = <S extends typeof ProjectService | typeof AuthService>(service: S) =>
  createClient(
    service,
    createRouterTransport((router) => harness.gateway.routes(router)),
  );
const headers = { authorization: "Bearer alice" };

describe("the routes for native gRPC", () => {
  it("pass calls on, and the errors of the service back", async () => {
    const client = clientOf(ProjectService);
    expect((await client.getProject({ id: "p" }, { headers })).project?.id).toBe("p");
    await expect(client.getProject({ id: "missing" }, { headers })).rejects.toMatchObject({ code: Code.NotFound });
  });

  it("ask for a token", async () => {
    await expect(clientOf(ProjectService).getProject({ id: "p" })).rejects.toMatchObject({
      code: Code.Unauthenticated,
    });
  });

  it("ASVS 4.1.3: drop what clients say about their own address", async () => {
    harness.calls.length = 0;
    const made = { ...headers, "x-forwarded-for": "6.6.6.6", "x-user-id": "root" };
    await clientOf(ProjectService).getProject({ id: "p" }, { headers: made });
    expect(harness.calls[0]?.headers.get("authorization")).toBe("Bearer alice");
    expect(harness.calls[0]?.headers.get("x-forwarded-for")).toBeNull();
    expect(harness.calls[0]?.headers.get("x-user-id")).toBeNull();
  });

  it("leave out what is internal to the mesh", async () => {
    await expect(clientOf(AuthService).validateToken({ token: "t" }, { headers })).rejects.toMatchObject({
      code: Code.Unimplemented,
    });
  });
});
