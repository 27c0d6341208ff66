/**
 * What our code sees of PostgreSQL: statements, transactions, notifications and the state of the pool. The schema is the
 * search path, so SQL names its tables alone and cannot reach another service's by accident.
 */

/** A statement: its text, or a text with a name, which is then prepared once per connection. */
export type Statement = string | { readonly name: string; readonly text: string };

export type Row = Record<string, unknown>;

/** Something that runs statements: a database (each on its own) or a transaction. */
export interface Queryable {
  /**
   * Runs one statement and gives its rows. `bigint` and `numeric` arrive as strings, `jsonb` parsed, `timestamptz` as Date.
   * Rejects with `DatabaseUnavailableError`, `UniqueViolationError`, or the error of `pg`.
   */
  query<RowType extends object = Row>(statement: Statement, values?: readonly unknown[]): Promise<RowType[]>;
}

/** A transaction in progress; unusable after its function has returned. */
export interface Transaction extends Queryable {
  readonly isolation: IsolationLevel;
}

export type IsolationLevel = "read committed" | "repeatable read" | "serializable";

export interface TransactionOptions {
  /** Default "read committed". */
  readonly isolation?: IsolationLevel;
}

/** Connections of the pool; `waiting` are callers without one. */
export interface PoolStats {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
  readonly max: number;
}

export interface Database extends Queryable {
  readonly schema: string;
  /**
   * Runs `fn` between BEGIN and COMMIT, and ROLLBACK when it rejects. After a deadlock or serialization failure the whole
   * function is run again, a few times with backoff: it must have no effect outside the transaction.
   */
  transaction<Result>(fn: (tx: Transaction) => Promise<Result>, options?: TransactionOptions): Promise<Result>;
  /**
   * Calls `onNotify` for each NOTIFY on the channel, and once after every reconnection, since notices were missed then.
   * One connection outside the pool serves all channels. Gives a function that ends it.
   */
  listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>>;
  /** Round trip of an empty statement, in milliseconds. */
  ping(): Promise<number>;
  stats(): PoolStats;
  /** Waits for statements under way and closes all connections. */
  close(): Promise<void>;
}
