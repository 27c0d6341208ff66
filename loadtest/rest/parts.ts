/*
 * The processes behind the rows `gateway/rest/*`, besides the gateway and the auth service, which are the real ones: the
 * service behind each front, and the fronts of the peers. Each is loaded by the process that is it only.
 */
export const restParts = ["weft-users", "grpc-users", "fastify", "bare"] as const;

export type RestPart = (typeof restParts)[number];

export interface PartSettings {
  /** The registry that Weft's service enters itself in. */
  readonly redisUrl: string;
  /** Where the service of a front listens. */
  readonly usersPort: number;
}

/** Listens, and resolves with the port. */
export type ServePart = (settings: PartSettings) => Promise<number>;

const loaders: Readonly<Record<RestPart, () => Promise<ServePart>>> = {
  "weft-users": async () => (await import("./weft-users.ts")).serveWeftUsers,
  "grpc-users": async () => (await import("./grpc-users.ts")).serveGrpcUsers,
  fastify: async () => (await import("./fastify-front.ts")).serveFastifyFront,
  bare: async () => (await import("./bare-front.ts")).serveBareFront,
};

export function loadPart(part: RestPart): Promise<ServePart> {
  return loaders[part]();
}
