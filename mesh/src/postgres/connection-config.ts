import type { ClientConfig } from "pg";

export interface ConnectionSettings {
  readonly connectionString: string;
  readonly schema: string;
  readonly applicationName: string;
  readonly connectTimeoutMs: number;
  /** 0 for none. */
  readonly statementTimeoutMs: number;
}

/** PostgreSQL truncates longer names silently, which would let two schemas meet. */
const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/;

/** Throws unless the name can stand in SQL unquoted. */
function assertIdentifier(field: string, name: string): void {
  if (!IDENTIFIER.test(name)) {
    throw new RangeError(
      `${field}: "${name}" is not a name of 1 to 63 lower-case letters, digits and underscores that starts with no digit`,
    );
  }
}

/**
 * The settings of a session, given at its start instead of by a SET afterwards: no statement can run before them and no
 * round trip is spent. Options that the connection string brings are kept; ours come later and win.
 */
export function clientConfigFrom(settings: ConnectionSettings): ClientConfig {
  assertIdentifier("schema", settings.schema);
  const { connectionString, givenOptions } = splitOptions(settings.connectionString);
  const options = [
    givenOptions,
    `-c search_path=${settings.schema}`,
    `-c statement_timeout=${settings.statementTimeoutMs}`,
    "-c idle_in_transaction_session_timeout=60000",
    "-c timezone=UTC",
  ];
  return {
    connectionString,
    options: options.filter((option) => option !== "").join(" "),
    application_name: settings.applicationName,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}

/** `pg` lets the string's `options` replace ours whole, so they are taken out and joined. */
function splitOptions(connectionString: string): { connectionString: string; givenOptions: string } {
  if (!URL.canParse(connectionString)) return { connectionString, givenOptions: "" };
  const url = new URL(connectionString);
  const givenOptions = url.searchParams.get("options") ?? "";
  if (givenOptions === "") return { connectionString, givenOptions };
  url.searchParams.delete("options");
  return { connectionString: url.toString(), givenOptions };
}
