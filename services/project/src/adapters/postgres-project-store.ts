import { isDeepStrictEqual } from "node:util";
import type { Database, Queryable, Transaction } from "@weft/mesh";
import type { Architecture } from "../domain/architecture/architecture.ts";
import type {
  Change,
  ChangeNotice,
  Collaborator,
  History,
  Member,
  Page,
  Project,
  ProjectState,
  ProjectStore,
  ProjectSummary,
  ProjectVersion,
  Role,
} from "../domain/ports.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";

/** Keeps a notice for those who have the project open, as part of the transaction that it tells of. */
export type AppendNotice = (tx: Transaction, notice: ChangeNotice) => Promise<void>;

/** Projects in PostgreSQL. A project, its history and what is told of it change in one transaction. */
export class PostgresProjectStore implements ProjectStore {
  readonly #database: Database;
  readonly #append: AppendNotice;

  constructor(database: Database, append: AppendNotice) {
    this.#database = database;
    this.#append = append;
  }

  create(id: string, state: ProjectState, change: Change): Promise<Project> {
    return this.#database.transaction(async (tx) => {
      const at = new Date(change.atMs);
      const [row] = await tx.query<ProjectRow>(
        {
          name: "project-insert",
          text: `insert into projects (id, name, description, architecture, component_count, version, owner_id, created_at, updated_at)
                 values ($1, $2, $3, $4, $5, 1, $6, $7, $7) returning *`,
        },
        [
          id,
          state.name,
          state.description,
          JSON.stringify(state.architecture),
          state.architecture.components.length,
          change.by.userId,
          at,
        ],
      );
      await tx.query(
        {
          name: "member-insert-owner",
          text: `insert into project_members (project_id, user_id, role, added_by, added_at) values ($1, $2, 'owner', $2, $3)`,
        },
        [id, change.by.userId, at],
      );
      await insertVersion(tx, id, 1, state, change);
      return projectFrom(row as ProjectRow);
    });
  }

  async find(id: string): Promise<Project | undefined> {
    const [row] = await this.#database.query<ProjectRow>(
      { name: "project-find", text: "select * from projects where id = $1" },
      [id],
    );
    return row === undefined ? undefined : projectFrom(row);
  }

  change(id: string, change: Change, next: (current: Project) => ProjectState): Promise<Project | undefined> {
    return this.#database.transaction(async (tx) => {
      const [row] = await tx.query<ProjectRow>(
        { name: "project-lock", text: "select * from projects where id = $1 for update" },
        [id],
      );
      if (row === undefined) {
        return undefined;
      }
      const current = projectFrom(row);
      const state = next(current);
      const before: ProjectState = {
        name: current.name,
        description: current.description,
        architecture: current.architecture,
      };
      if (isDeepStrictEqual(before, state)) {
        return current;
      }
      const version = current.version + 1;
      const [changed] = await tx.query<ProjectRow>(
        {
          name: "project-update",
          text: `update projects set name = $2, description = $3, architecture = $4, component_count = $5, version = $6, updated_at = $7
                 where id = $1 returning *`,
        },
        [
          id,
          state.name,
          state.description,
          JSON.stringify(state.architecture),
          state.architecture.components.length,
          version,
          new Date(change.atMs),
        ],
      );
      await insertVersion(tx, id, version, state, change);
      const { what, by, atMs } = change;
      await this.#append(tx, { type: "updated", projectId: id, version, change: what, by, atMs });
      return projectFrom(changed as ProjectRow);
    });
  }

  async remove(id: string): Promise<boolean> {
    const rows = await this.#database.query(
      { name: "project-delete", text: "delete from projects where id = $1 returning id" },
      [id],
    );
    return rows.length === 1;
  }

  tellRemoved(id: string, { by, atMs }: Change): Promise<void> {
    return this.#database.transaction((tx) => this.#append(tx, { type: "deleted", projectId: id, by, atMs }));
  }

  async listFor(userId: string, pageSize: number, after: string | undefined): Promise<Page<ProjectSummary>> {
    const [updatedAt, id] = decodePageToken(after, ["moment", "id"]) ?? [null, null];
    const rows = await this.#database.query<SummaryRow>(
      {
        name: "project-list",
        text: `select p.id, p.name, p.description, p.component_count, p.version, p.owner_id, p.created_at, p.updated_at, m.role,
                      to_char(p.updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as updated_text
               from project_members m join projects p on p.id = m.project_id
               where m.user_id = $1 and ($2::timestamptz is null or (p.updated_at, p.id) < ($2::timestamptz, $3))
               order by p.updated_at desc, p.id desc limit $4`,
      },
      [userId, updatedAt, id, pageSize + 1],
    );
    return page(rows, pageSize, summaryFrom, (row) => [row.updated_text, row.id]);
  }

  async listVersions(id: string, pageSize: number, after: string | undefined): Promise<Page<ProjectVersion>> {
    const [below] = decodePageToken(after, ["count"]) ?? [null];
    const rows = await this.#database.query<VersionRow>(
      {
        name: "version-list",
        text: `select version, name, description, changed_by, change, created_at from project_versions
               where project_id = $1 and ($2::integer is null or version < $2::integer) order by version desc limit $3`,
      },
      [id, below, pageSize + 1],
    );
    return page(rows, pageSize, versionFrom, (row) => [row.version]);
  }

  async findVersion(id: string, version: number): Promise<(ProjectVersion & ProjectState) | undefined> {
    const [row] = await this.#database.query<VersionRow & { architecture: Architecture }>(
      { name: "version-find", text: "select * from project_versions where project_id = $1 and version = $2" },
      [id, version],
    );
    return row === undefined ? undefined : { ...versionFrom(row), architecture: row.architecture };
  }

  async history(id: string, sinceMs: readonly number[], mostContributions: number): Promise<History> {
    const [[totals], contributions] = await Promise.all([
      this.#database.query<{ changes: number; changes_since: number[] }>(
        {
          name: "version-totals",
          text: `select (select count(*)::integer from project_versions where project_id = $1) as changes,
                        array(select (select count(*)::integer from project_versions
                                      where project_id = $1 and created_at >= since.at)
                              from unnest($2::timestamptz[]) with ordinality as since (at, place)
                              order by since.place) as changes_since`,
        },
        [id, sinceMs.map((ms) => new Date(ms))],
      ),
      this.#database.query<{ changed_by: string; changes: number; last_at: Date }>(
        {
          name: "version-contributions",
          text: `select changed_by, count(*)::integer as changes, max(created_at) as last_at from project_versions
                 where project_id = $1 group by changed_by order by changes desc, last_at desc, changed_by limit $2`,
        },
        [id, mostContributions],
      ),
    ]);
    return {
      changes: totals?.changes ?? 0,
      changesSince: totals?.changes_since ?? [],
      contributions: contributions.map((row) => ({
        userId: row.changed_by,
        changes: row.changes,
        lastAtMs: row.last_at.getTime(),
      })),
    };
  }

  async members(id: string): Promise<readonly Member[]> {
    const rows = await this.#database.query<{ user_id: string; role: Role; added_at: Date }>(
      {
        name: "member-list",
        text: "select user_id, role, added_at from project_members where project_id = $1 order by added_at, user_id",
      },
      [id],
    );
    return rows.map((row) => ({ userId: row.user_id, role: row.role, addedAtMs: row.added_at.getTime() }));
  }

  putMember(id: string, member: Member, { by, atMs }: Change): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      // The lock makes a deletion at the same time wait, so that this finds the project or does not.
      const rows = await tx.query(
        {
          name: "member-put",
          text: `insert into project_members (project_id, user_id, role, added_by, added_at)
                 select id, $2, $3, $4, $5 from projects where id = $1 for key share
                 on conflict (project_id, user_id) do update set role = excluded.role returning user_id`,
        },
        [id, member.userId, member.role, by.userId, new Date(member.addedAtMs)],
      );
      if (rows.length === 1) {
        await this.#append(tx, { type: "members", projectId: id, by, atMs });
      }
      return rows.length === 1;
    });
  }

  stepDown(id: string, userId: string, role: Role): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      // A statement sees what was committed before it began: the lock has to be a statement of its own.
      await tx.query({ name: "project-lock-key", text: "select id from projects where id = $1 for update" }, [id]);
      const rows = await tx.query(
        {
          name: "member-step-down",
          text: `update project_members set role = $3
                 where project_id = $1 and user_id = $2 and (role <> 'owner' or exists (
                   select 1 from project_members where project_id = $1 and user_id <> $2 and role = 'owner'))
                 returning user_id`,
        },
        [id, userId, role],
      );
      return rows.length === 1;
    });
  }

  /** With their presence: whoever left is not shown as being there. */
  removeMember(id: string, userId: string, { by, atMs }: Change): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const rows = await tx.query(
        {
          name: "member-delete",
          text: `with gone as (delete from project_presence where project_id = $1 and user_id = $2)
                 delete from project_members where project_id = $1 and user_id = $2 returning user_id`,
        },
        [id, userId],
      );
      if (rows.length === 1) {
        await this.#append(tx, { type: "members", projectId: id, by, atMs });
      }
      return rows.length === 1;
    });
  }

  async announce(id: string, collaborator: Collaborator): Promise<boolean> {
    const rows = await this.#database.query(
      {
        name: "presence-put",
        text: `insert into project_presence (project_id, user_id, username, component, last_seen_at)
               select id, $2, $3, $4, $5 from projects where id = $1 for key share
               on conflict (project_id, user_id) do update
               set username = excluded.username, component = excluded.component, last_seen_at = excluded.last_seen_at
               returning user_id`,
      },
      [id, collaborator.userId, collaborator.username, collaborator.component, new Date(collaborator.lastSeenAtMs)],
    );
    return rows.length === 1;
  }

  async collaborators(id: string, seenSinceMs: number): Promise<readonly Collaborator[]> {
    const rows = await this.#database.query<{
      user_id: string;
      username: string;
      component: string;
      last_seen_at: Date;
    }>(
      {
        name: "presence-list",
        text: `select user_id, username, component, last_seen_at from project_presence
               where project_id = $1 and last_seen_at >= $2 order by username`,
      },
      [id, new Date(seenSinceMs)],
    );
    return rows.map((row) => ({
      userId: row.user_id,
      username: row.username,
      component: row.component,
      lastSeenAtMs: row.last_seen_at.getTime(),
    }));
  }
}

interface ProjectRow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly architecture: Architecture;
  readonly version: number;
  readonly owner_id: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

interface SummaryRow extends Omit<ProjectRow, "architecture"> {
  readonly component_count: number;
  readonly role: Role;
  /** With the microseconds that a Date would lose. */
  readonly updated_text: string;
}

interface VersionRow {
  readonly version: number;
  readonly name: string;
  readonly description: string;
  readonly changed_by: string;
  readonly change: string;
  readonly created_at: Date;
}

function insertVersion(
  tx: Queryable,
  id: string,
  version: number,
  state: ProjectState,
  change: Change,
): Promise<unknown> {
  return tx.query(
    {
      name: "version-insert",
      text: `insert into project_versions (project_id, version, name, description, architecture, changed_by, change, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    },
    [
      id,
      version,
      state.name,
      state.description,
      JSON.stringify(state.architecture),
      change.by.userId,
      change.what,
      new Date(change.atMs),
    ],
  );
}

/** One row more than the page was read, to know whether there is a next one. */
function page<Row, Item>(
  rows: readonly Row[],
  pageSize: number,
  itemFrom: (row: Row) => Item,
  place: (row: Row) => readonly (string | number)[],
): Page<Item> {
  const last = rows.length > pageSize ? rows[pageSize - 1] : undefined;
  return {
    items: rows.slice(0, pageSize).map(itemFrom),
    next: last === undefined ? undefined : encodePageToken(place(last)),
  };
}

function projectFrom(row: ProjectRow): Project {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    architecture: row.architecture,
    version: row.version,
    ownerId: row.owner_id,
    createdAtMs: row.created_at.getTime(),
    updatedAtMs: row.updated_at.getTime(),
  };
}

function summaryFrom(row: SummaryRow): ProjectSummary {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    version: row.version,
    ownerId: row.owner_id,
    componentCount: row.component_count,
    role: row.role,
    createdAtMs: row.created_at.getTime(),
    updatedAtMs: row.updated_at.getTime(),
  };
}

function versionFrom(row: VersionRow): ProjectVersion {
  return {
    version: row.version,
    name: row.name,
    description: row.description,
    changedBy: row.changed_by,
    change: row.change,
    createdAtMs: row.created_at.getTime(),
  };
}
