import type { AddressInfo } from "node:net";
import * as grpc from "@grpc/grpc-js";
import { fastify } from "fastify";
import { getUser } from "./grpc-users.ts";
import type { PartSettings } from "./parts.ts";
import type { ServedUser } from "./user.ts";

/*
 * What people put together who need REST in front of gRPC: fastify with schemas for parameters and answer, so that both
 * have compiled code, without a logger, and one grpc-js channel. No authentication and no rate limit.
 */

const text = { type: "string" } as const;
const answerSchema = {
  type: "object",
  properties: {
    ...{ id: text, username: text, email: text, firstName: text, lastName: text },
    ...{ createdAt: text, updatedAt: text },
  },
} as const;
const paramsSchema = {
  type: "object",
  required: ["userId"],
  properties: { userId: { type: "string", minLength: 1, maxLength: 64 } },
} as const;

export async function serveFastifyFront({ usersPort }: PartSettings): Promise<number> {
  const call = await connect(usersPort);
  const app = fastify({ logger: false });
  app.get<{ Params: { userId: string } }>(
    "/api/users/:userId",
    { schema: { params: paramsSchema, response: { 200: answerSchema } } },
    async ({ params }) => {
      const { createdAtMs, updatedAtMs, ...texts } = await call(params.userId);
      return {
        ...texts,
        createdAt: new Date(createdAtMs).toISOString(),
        updatedAt: new Date(updatedAtMs).toISOString(),
      };
    },
  );
  await app.listen({ host: "127.0.0.1", port: 0 });
  return (app.server.address() as AddressInfo).port;
}

async function connect(port: number): Promise<(userId: string) => Promise<ServedUser>> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(Date.now() + 10_000, (error) => (error === undefined ? resolve() : reject(error)));
  });
  const { path, requestSerialize, responseDeserialize } = getUser;
  return (userId) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, userId, (error, answer) =>
        error === null && answer !== undefined ? resolve(answer) : reject(error),
      );
    });
}
