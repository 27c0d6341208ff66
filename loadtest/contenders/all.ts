import type { Contender, ContenderId } from "./contender.ts";

/*
 * The contenders by id. Each is loaded by the process that needs it only, so that nobody's modules weigh on another's heap.
 */
const loaders: Readonly<Record<ContenderId, () => Promise<Contender>>> = {
  weft: async () => (await import("./weft.ts")).weft,
  "grpc-js": async () => (await import("./grpc-js.ts")).grpcJs,
  "connect-grpc": async () => (await import("./connect-node.ts")).connectGrpc,
  connect: async () => (await import("./connect-node.ts")).connectProtocol,
  moleculer: async () => (await import("./moleculer.ts")).moleculer,
  fastify: async () => (await import("./fastify-undici.ts")).fastifyUndici,
  "bare-framing": async () => (await import("./bare-framing.ts")).bareFraming,
};

export function loadContender(id: ContenderId): Promise<Contender> {
  return loaders[id]();
}
