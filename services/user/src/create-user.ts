/**
 * Joins the user service's parts over the stores and peers it is given. `main.ts` gives it those of the running mesh;
 * nothing here opens a port or reads the environment.
 */
import type { Client, ConnectRouter, Interceptor } from "@connectrpc/connect";
import { authenticationInterceptor, createTokenVerifier } from "@weft/auth/verifier";
import {
  type Clock,
  type Database,
  ensureOutboxTables,
  type Logger,
  type Metrics,
  OutboxRelay,
  type PubSub,
  type Random,
  type RedisHandles,
} from "@weft/mesh";
import type { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { createPostgresUserStore } from "./adapters/postgres-user-store.ts";
import { createPubSubChangeNotice } from "./adapters/pubsub-change-notice.ts";
import { createOutboxAppend, createStreamPublish } from "./adapters/user-events.ts";
import { Users } from "./domain/users.ts";
import { userRpc } from "./rpc.ts";

export interface UserDependencies {
  readonly database: Database;
  readonly auth: Client<typeof AuthService>;
  readonly redis: RedisHandles;
  readonly pubsub: PubSub;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: Metrics;
}

export interface UserParts {
  routes(router: ConnectRouter): void;
  readonly interceptors: readonly Interceptor[];
  close(): Promise<void>;
}

/** Makes the outbox tables, starts to publish what they hold and to follow revocations. */
export async function createUser(dependencies: UserDependencies): Promise<UserParts> {
  const { database, auth, redis, pubsub, clock, random, logger, metrics } = dependencies;
  await ensureOutboxTables(database);
  const relay = new OutboxRelay({
    ...{ database, publish: createStreamPublish(redis, clock), clock, random, logger },
    ...(metrics === undefined ? {} : { metrics }),
  });
  await relay.start();
  const verifier = createTokenVerifier({ client: auth, pubsub, redis, clock, logger });
  const users = new Users({
    store: createPostgresUserStore(database, createOutboxAppend(clock, random)),
    notice: createPubSubChangeNotice(pubsub, logger),
    clock,
  });
  return {
    routes: (router) => void router.service(UserService, userRpc(users)),
    interceptors: [authenticationInterceptor(verifier)],
    async close() {
      await verifier.close();
      await relay.close();
    },
  };
}
