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
  /** Where mails go; undefined when no mail server is configured. */
  readonly smtp: SmtpConfig | undefined;
  /** Where the pages are that mails link to; undefined when mails carry bare tokens. */
  readonly publicUrl: string | undefined;
  readonly webauthn: WebAuthnConfig;
}

/** Whom passkeys are made for, and the pages that may ask for them. */
export interface WebAuthnConfig {
  /** A domain; passkeys are bound to it for good. */
  readonly rpId: string;
  /** Such as "https://weft.example.org"; "http://localhost:*" for any port of this machine. */
  readonly origins: readonly string[];
}

/** A mail server. */
export interface SmtpConfig {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte. */
  readonly secure: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** The sender, such as `Weft <no-reply@example.org>`. */
  readonly from: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const defaultKeyRotation = "30d";
/** Below this a key would be replaced before its announcement is over. */
const leastKeyRotationMs = 3_600_000;

/**
 * `WEFT_ADMIN_USERS`: user ids, separated by commas. Ids and not names, since a name can be registered by whoever comes
 * first and an id cannot. `WEFT_AUTH_KEY_ROTATION`: a duration of at least an hour, default 30d.
 * `WEFT_AUTH_HASH_CONCURRENCY`: 1 to 64, default 2. `WEFT_SMTP_URL`: smtp://user:password@host:587, or smtps:// for TLS
 * from the start (465); `WEFT_MAIL_FROM`: the sender. `WEFT_PUBLIC_URL`: http(s) address of the application.
 * `WEFT_WEBAUTHN_RP_ID`: the domain that passkeys are for, default that of the public address;
 * `WEFT_WEBAUTHN_ORIGINS`: the pages that may ask for them, separated by commas, default the public address. Without any
 * of these passkeys work on localhost. Throws an Error that names the variable and what it accepts.
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
    smtp: smtpConfig(env.WEFT_SMTP_URL ?? "", env.WEFT_MAIL_FROM ?? ""),
    publicUrl: publicUrl(env.WEFT_PUBLIC_URL ?? ""),
    webauthn: webauthnConfig(env),
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

function smtpConfig(text: string, from: string): SmtpConfig | undefined {
  if (text === "") {
    return undefined;
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^smtps?:$/.test(url.protocol) || url.hostname === "") {
    // Without the text: there is a password in it.
    throw new Error("WEFT_SMTP_URL takes smtp://user:password@host:587 or smtps://user:password@host:465");
  }
  const sender = /^(?:[^<>\r\n]*<)?[^\s<>@]+@[^\s<>@]+>?$/;
  if (!sender.test(from)) {
    throw new Error(`WEFT_MAIL_FROM is "${from}"; with WEFT_SMTP_URL it takes an address such as no-reply@example.org`);
  }
  const secure = url.protocol === "smtps:";
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? (secure ? 465 : 587) : Number(url.port),
    secure,
    user: url.username === "" ? undefined : decodeURIComponent(url.username),
    password: url.password === "" ? undefined : decodeURIComponent(url.password),
    from,
  };
}

function publicUrl(text: string): string | undefined {
  if (text === "") {
    return undefined;
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw new Error(`WEFT_PUBLIC_URL is "${text}"; it takes an address such as https://weft.example.org`);
  }
  return url.href.replace(/\/$/, "");
}

/** An origin of this machine, whatever its port: what development is given. */
export const anyLocalPort = "http://localhost:*";
const domain = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const ipv4 = /^[\d.]+$/;

function webauthnConfig(env: Environment): WebAuthnConfig {
  const home = publicUrl(env.WEFT_PUBLIC_URL ?? "");
  const host = home === undefined ? "localhost" : new URL(home).hostname;
  // Passkeys cannot be made for an address of numbers; the service works all the same, and its passkeys on localhost.
  const fallback = domain.test(host) && !ipv4.test(host) ? host : "localhost";
  const rpId = env.WEFT_WEBAUTHN_RP_ID || fallback;
  if (!domain.test(rpId) || ipv4.test(rpId)) {
    throw new Error(`WEFT_WEBAUTHN_RP_ID is "${rpId}"; it takes a domain such as weft.example.org`);
  }
  const own = home === undefined ? "" : new URL(home).origin;
  const usual = isOriginOf(rpId, own) ? own : rpId === "localhost" ? anyLocalPort : `https://${rpId}`;
  const origins = (env.WEFT_WEBAUTHN_ORIGINS || usual).split(",").map((one) => one.trim());
  const wrong = origins.find((origin) => !isOriginOf(rpId, origin));
  if (wrong !== undefined) {
    throw new Error(
      `WEFT_WEBAUTHN_ORIGINS names "${wrong}"; it takes origins of ${rpId} or below it, such as https://${rpId}`,
    );
  }
  return { rpId, origins };
}

function isOriginOf(rpId: string, origin: string): boolean {
  if (origin === anyLocalPort) {
    return rpId === "localhost";
  }
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  const secure = url?.protocol === "https:" || (url?.protocol === "http:" && url.hostname === "localhost");
  if (!secure || url?.origin !== origin || !domain.test(url.hostname)) {
    return false;
  }
  return url.hostname === rpId || url.hostname.endsWith(`.${rpId}`);
}
