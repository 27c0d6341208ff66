import pg from "pg";
import { CliError, describeError } from "../cli-error.ts";
import { randomPassword, readJsonFile, writePrivateJson } from "./private-file.ts";

/*
 * Gives each service a role and a schema of its own in one database. The role owns its schema, finds it first on its
 * search path, and has no rights elsewhere, so a query across services fails in development as it must in production.
 *
 * Safe to repeat: roles and schemas that exist are kept, passwords come from the secrets file and are set again. On a
 * server of somebody else (`exclusive: false`) rights that PUBLIC holds are left alone; a role that may not create
 * roles there is passed on as it is, and `note` says so.
 */

/** A service that stores data, and its schema. */
export interface ServiceSchema {
  readonly service: string;
  readonly schema: string;
}

export interface ProvisionOptions {
  readonly adminUrl: string;
  readonly services: readonly ServiceSchema[];
  /** JSON file of the roles' passwords; made with mode 0600. */
  readonly secretsFile: string;
  /** Whether the whole server is ours, so that what PUBLIC may do is taken away too. */
  readonly exclusive: boolean;
}

export interface ProvisionedDatabases {
  /** Connection string by service name. */
  readonly urls: ReadonlyMap<string, string>;
  /** What a person should know, if anything. */
  readonly note: string | undefined;
}

/** Creates or confirms roles and schemas. Throws CliError when the server cannot be reached or refuses. */
export async function provisionServices(options: ProvisionOptions): Promise<ProvisionedDatabases> {
  const { adminUrl, services } = options;
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (cause) {
    throw new CliError(`the database at ${hideSecrets(adminUrl)} does not answer: ${describeError(cause)}`, {
      cause,
      next: "check DATABASE_URL and that the server runs; without DATABASE_URL an embedded PostgreSQL is used",
    });
  }
  try {
    const admin = await readAdmin(client);
    if (!admin.mayProvision) {
      return {
        urls: new Map(services.map(({ service }) => [service, adminUrl])),
        note: `the database role "${admin.role}" may not create roles and schemas: every service uses DATABASE_URL as it is`,
      };
    }
    const secrets = await loadPasswords(options);
    // One at a time: two copies starting on one server would trip over each other's catalog rows.
    await client.query("SELECT pg_advisory_lock(hashtext('weft provisioning'))");
    if (options.exclusive) {
      await client.query("REVOKE ALL ON SCHEMA public FROM PUBLIC");
      await client.query(`REVOKE ALL ON DATABASE ${client.escapeIdentifier(admin.database)} FROM PUBLIC`);
    }
    const urls = new Map<string, string>();
    for (const { service, schema } of services) {
      const role = roleName(service);
      const password = secrets[role] ?? "";
      await provision(client, admin.database, role, password, schema);
      urls.set(service, urlFor(adminUrl, role, password));
    }
    return { urls, note: undefined };
  } catch (cause) {
    if (cause instanceof CliError) {
      throw cause;
    }
    throw new CliError(
      `the database at ${hideSecrets(adminUrl)} refused the services' roles: ${describeError(cause)}`,
      {
        cause,
        next: "give the role of DATABASE_URL CREATEROLE and CREATE on the database, or a role without both",
      },
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** The database role of a service: "auth-service" gets `weft_auth_service`. */
function roleName(service: string): string {
  return `weft_${service.replaceAll(/[^a-z0-9]+/gi, "_").toLowerCase()}`;
}

/** A URL that may be shown: without its password. */
export function hideSecrets(url: string): string {
  return url.replace(/\/\/([^@/]*?):[^@/]*@/, "//$1:***@");
}

interface Admin {
  readonly role: string;
  readonly database: string;
  readonly mayProvision: boolean;
}

async function readAdmin(client: pg.Client): Promise<Admin> {
  const { rows } = await client.query<{ role: string; database: string; may_provision: boolean }>(
    `SELECT current_user AS role, current_database() AS database,
       rolsuper OR (rolcreaterole AND has_database_privilege(current_database(), 'CREATE')) AS may_provision
     FROM pg_roles WHERE rolname = current_user`,
  );
  const row = rows[0];
  return { role: row?.role ?? "", database: row?.database ?? "", mayProvision: row?.may_provision ?? false };
}

async function loadPasswords(options: ProvisionOptions): Promise<Record<string, string>> {
  const file = (await readJsonFile<{ databaseRoles?: Record<string, string> }>(options.secretsFile)) ?? {};
  const passwords: Record<string, string> = { ...file.databaseRoles };
  for (const { service } of options.services) {
    passwords[roleName(service)] ??= randomPassword();
  }
  // Written before the server learns them: a password only the server knew would lock the service out.
  await writePrivateJson(options.secretsFile, { ...file, databaseRoles: passwords });
  return passwords;
}

async function provision(
  client: pg.Client,
  database: string,
  role: string,
  password: string,
  schema: string,
): Promise<void> {
  const [roleId, schemaId, databaseId] = [role, schema, database].map((name) => client.escapeIdentifier(name));
  const known = await client.query("SELECT 1 FROM pg_roles WHERE rolname = $1", [role]);
  if (known.rowCount === 0) {
    await client.query(`CREATE ROLE ${roleId} NOINHERIT`);
  }
  await client.query(`ALTER ROLE ${roleId} LOGIN PASSWORD ${client.escapeLiteral(password)}`);
  // An administrator who is no superuser may only give a schema to a role that it could become itself.
  await client.query(`GRANT ${roleId} TO CURRENT_USER`);
  await client.query(`GRANT CONNECT, TEMPORARY ON DATABASE ${databaseId} TO ${roleId}`);
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${schemaId} AUTHORIZATION ${roleId}`);
  const owner = await client.query<{ owner: string }>(
    "SELECT pg_get_userbyid(nspowner) AS owner FROM pg_namespace WHERE nspname = $1",
    [schema],
  );
  if (owner.rows[0]?.owner !== role) {
    throw new CliError(`the schema "${schema}" belongs to "${owner.rows[0]?.owner ?? "nobody"}", not to "${role}"`, {
      next: `use another database, or give it over: ALTER SCHEMA ${schemaId} OWNER TO ${roleId}`,
    });
  }
  await client.query(`REVOKE ALL ON SCHEMA ${schemaId} FROM PUBLIC`);
  await client.query(`ALTER ROLE ${roleId} IN DATABASE ${databaseId} SET search_path = ${schemaId}`);
}

function urlFor(adminUrl: string, role: string, password: string): string {
  const url = new URL(adminUrl);
  url.username = role;
  url.password = password;
  return url.href;
}
