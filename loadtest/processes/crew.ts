import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RedisStore, startRedis } from "@weft/cli/stores";
import { Child } from "./child.ts";
import type { MainFile } from "./orders.ts";

/*
 * Every process of one run: the private registry and the pairs that are measured. Whatever way the run ends, all of them
 * are ended by their process ids.
 */
export class Crew {
  /** For files of this run; removed at its end. */
  readonly folder: string;
  readonly #redis: RedisStore;
  readonly #children = new Set<Child>();
  readonly #killAll = (): void => {
    for (const child of this.#children) {
      child.kill();
    }
  };
  #stopping: Promise<void> | undefined;
  #started = 0;

  private constructor(folder: string, redis: RedisStore) {
    this.folder = folder;
    this.#redis = redis;
    process.once("exit", this.#killAll);
  }

  static async start(): Promise<Crew> {
    const folder = await mkdtemp(join(tmpdir(), "weft-bench-"));
    return new Crew(folder, await startRedis({ dataDir: join(folder, "redis") }));
  }

  get redisUrl(): string {
    return this.#redis.url;
  }

  /** Throws when the crew has been stopped. */
  spawn(name: string, main: MainFile): Child {
    if (this.#stopping !== undefined) {
      throw new Error(`${name} is not started: the run is over`);
    }
    this.#started += 1;
    const child = new Child(name, main, join(this.folder, `${this.#started}.log`));
    this.#children.add(child);
    return child;
  }

  async dismiss(children: readonly Child[]): Promise<void> {
    await Promise.all(children.map((child) => child.stop()));
    for (const child of children) {
      this.#children.delete(child);
    }
  }

  /** Ends everything; repeating it waits for the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await this.dismiss([...this.#children]);
    await this.#redis.stop();
    await rm(this.folder, { recursive: true, force: true });
    process.off("exit", this.#killAll);
  }
}
