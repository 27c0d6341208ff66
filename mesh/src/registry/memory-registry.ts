import type { Instance, Registration, Registry, RegistryUpdate } from "./registry.ts";

/** A registry inside one process: for tests, and for several services in one process. */
export class MemoryRegistry implements Registry {
  readonly live = true;
  readonly #instances = new Map<string, Instance>();
  readonly #listeners = new Set<(update: RegistryUpdate) => void>();

  register(instance: Instance): Promise<Registration> {
    let current = instance;
    this.#instances.set(current.instanceId, current);
    this.#tell({ kind: "add", instance: current });
    return Promise.resolve({
      update: (change) => {
        if (!this.#instances.has(current.instanceId)) {
          return Promise.resolve();
        }
        current = { ...current, ...change };
        this.#instances.set(current.instanceId, current);
        this.#tell({ kind: "add", instance: current });
        return Promise.resolve();
      },
      deregister: () => {
        if (!this.#instances.delete(current.instanceId)) {
          return Promise.resolve();
        }
        this.#tell({ kind: "remove", name: current.name, instanceId: current.instanceId });
        return Promise.resolve();
      },
    });
  }

  watch(listener: (update: RegistryUpdate) => void): () => void {
    this.#listeners.add(listener);
    listener({ kind: "reset", instances: [...this.#instances.values()] });
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#listeners.clear();
    return Promise.resolve();
  }

  #tell(update: RegistryUpdate): void {
    for (const listener of this.#listeners) {
      listener(update);
    }
  }
}
