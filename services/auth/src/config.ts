import { parseDurationMs } from "@weft/mesh";
import { defaultSessionLimits, type SessionLimits } from "./domain/refresh-policy.ts";

/** The auth service's own settings, read from the environment once, at start. */
export interface AuthConfig {
  readonly limits: SessionLimits;
  /** User ids that are administrators. */
  readonly adminUserIds: ReadonlySet<string>;
  /** Age at which a new signing key is made. */
  readonly keyRotationMs: number;
  /** Password hashes at the same time. */
  readonly hashConcurrency: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const defaultKeyRotation = "30d";
/** Below this a key would be replaced before its announcement is over. */
const leastKeyRotationMs = 3_600_000;

/**
 * `WEFT_ADMIN_USERS`: user ids, separated by commas. Ids and not names, since a name can be registered by whoever comes
 * first and an id cannot. `WEFT_AUTH_KEY_ROTATION`: a duration of at least an hour, default 30d.
 * `WEFT_AUTH_HASH_CONCURRENCY`: 1 to 64, default 2. Throws an Error that names the variable and what it accepts.
 */
export function loadAuthConfig(env: Environment): AuthConfig {
  const rotation = env.WEFT_AUTH_KEY_ROTATION ?? defaultKeyRotation;
  const keyRotationMs = parseDurationMs("WEFT_AUTH_KEY_ROTATION", rotation);
  if (keyRotationMs < leastKeyRotationMs) {
    throw new Error(`WEFT_AUTH_KEY_ROTATION is "${rotation}"; it takes a duration of at least 1h`);
  }
  const concurrency = env.WEFT_AUTH_HASH_CONCURRENCY ?? "2";
  const hashConcurrency = Number(concurrency);
  if (!Number.isInteger(hashConcurrency) || hashConcurrency < 1 || hashConcurrency > 64) {
    throw new Error(`WEFT_AUTH_HASH_CONCURRENCY is "${concurrency}"; it takes a whole number from 1 to 64`);
  }
  return {
    limits: defaultSessionLimits,
    adminUserIds: new Set(adminIds(env.WEFT_ADMIN_USERS ?? "")),
    keyRotationMs,
    hashConcurrency,
  };
}

/** Refuses a key-encryption secret that could be guessed; 32 characters of base64 or hex are 128 bits at the least. */
export function assertKeySecret(secret: string): void {
  if (secret.length < 32) {
    throw new Error(
      "WEFT_AUTH_KEY_SECRET must have at least 32 characters, such as those of `openssl rand -base64 32`",
    );
  }
}

function adminIds(list: string): string[] {
  const ids = list
    .split(",")
    .map((id) => id.trim().toLowerCase())
    .filter((id) => id !== "");
  const wrong = ids.find((id) => !uuid.test(id));
  if (wrong !== undefined) {
    throw new Error(
      `WEFT_ADMIN_USERS names "${wrong}", which is no user id; write ids, since anybody can register a free name ` +
        "(a signup answers the id, and UserService/GetUserByUsername finds it)",
    );
  }
  return ids;
}
