import type { Database } from "@weft/mesh";
import type { Template, TemplateStore } from "../domain/ports.ts";

/** People's own templates in PostgreSQL. */
export class PostgresTemplateStore implements TemplateStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  listOf(ownerId: string): Promise<readonly Template[]> {
    return this.#database.query<Template>(
      {
        name: "template-list",
        text: "select id, name, description, tags, architecture from templates where owner_id = $1 order by created_at desc, id",
      },
      [ownerId],
    );
  }

  async countOf(ownerId: string): Promise<number> {
    const [row] = await this.#database.query<{ count: number }>(
      { name: "template-count", text: "select count(*)::integer as count from templates where owner_id = $1" },
      [ownerId],
    );
    return row?.count ?? 0;
  }

  async find(id: string, ownerId: string): Promise<Template | undefined> {
    const [template] = await this.#database.query<Template>(
      {
        name: "template-find",
        text: "select id, name, description, tags, architecture from templates where id = $1 and owner_id = $2",
      },
      [id, ownerId],
    );
    return template;
  }

  async create(template: Template, ownerId: string, atMs: number): Promise<void> {
    await this.#database.query(
      {
        name: "template-insert",
        text: `insert into templates (id, owner_id, name, description, tags, architecture, created_at)
               values ($1, $2, $3, $4, $5, $6, $7)`,
      },
      [
        template.id,
        ownerId,
        template.name,
        template.description,
        [...template.tags],
        JSON.stringify(template.architecture),
        new Date(atMs),
      ],
    );
  }

  async update(template: Template, ownerId: string): Promise<boolean> {
    const { id, name, description, tags, architecture } = template;
    const rows = await this.#database.query(
      {
        name: "template-update",
        text: `update templates set name = $3, description = $4, tags = $5, architecture = $6
               where id = $1 and owner_id = $2 returning id`,
      },
      [id, ownerId, name, description, [...tags], JSON.stringify(architecture)],
    );
    return rows.length === 1;
  }

  async remove(id: string, ownerId: string): Promise<boolean> {
    const rows = await this.#database.query(
      { name: "template-delete", text: "delete from templates where id = $1 and owner_id = $2 returning id" },
      [id, ownerId],
    );
    return rows.length === 1;
  }
}
