import { MeshError } from "../errors.ts";
import { priorityCount } from "./ticket-queue.ts";

/*
 * How important a call is: 0 goes first, 3 goes last. Pure: the method, the caller, and what the service declared.
 *
 * A method's own number decides, then the caller's, then the default. The method comes first because the service knows what
 * others cannot do without (validating a token), while a caller's number says how much that caller matters among the rest.
 */

export interface PriorityOptions {
  /** By method, "package.Service/Method"; these are 0 to 3 whoever calls. */
  readonly methods?: Readonly<Record<string, number>>;
  /** By calling service, as its certificate names it; without mTLS callers have no names. */
  readonly callers?: Readonly<Record<string, number>>;
  /** For all others; 2 when absent, so that there is room on both sides. */
  readonly default?: number;
}

const defaultPriority = 2;
const leastImportant = priorityCount - 1;

/** The declared priorities, ready to be asked per call. */
export class Priorities {
  readonly #byMethod: ReadonlyMap<string, number>;
  readonly #byCaller: ReadonlyMap<string, number>;
  readonly #default: number;

  constructor(options: PriorityOptions) {
    this.#byMethod = new Map(Object.entries(options.methods ?? {}));
    this.#byCaller = new Map(Object.entries(options.callers ?? {}));
    this.#default = options.default ?? defaultPriority;
  }

  /** `method` is "package.Service/Method"; `caller` is undefined for who has no name. */
  of(method: string, caller: string | undefined): number {
    if (this.#byMethod.size > 0) {
      const declared = this.#byMethod.get(method);
      if (declared !== undefined) {
        return declared;
      }
    }
    if (caller !== undefined && this.#byCaller.size > 0) {
      return this.#byCaller.get(caller) ?? this.#default;
    }
    return this.#default;
  }

  /** Throws CONFIG_INVALID for a declared method that the service does not have: a typing error would go unnoticed. */
  assertMethods(served: { has(method: string): boolean }): void {
    for (const method of this.#byMethod.keys()) {
      if (!served.has(method)) {
        throw new MeshError("CONFIG_INVALID", `admission.priorities.methods names ${method}, which is not served`);
      }
    }
  }
}

/** Throws CONFIG_INVALID, naming the entry, for anything but whole numbers from 0 to 3. */
export function assertPriorities(options: PriorityOptions): void {
  assertPriority("default", options.default ?? defaultPriority);
  for (const [method, priority] of Object.entries(options.methods ?? {})) {
    if (!/^[^/]+\/[^/]+$/.test(method)) {
      throw new MeshError(
        "CONFIG_INVALID",
        `admission.priorities.methods takes names like "package.Service/Method", not ${method}`,
      );
    }
    assertPriority(`methods["${method}"]`, priority);
  }
  for (const [caller, priority] of Object.entries(options.callers ?? {})) {
    assertPriority(`callers["${caller}"]`, priority);
  }
}

function assertPriority(name: string, priority: number): void {
  if (!Number.isInteger(priority) || priority < 0 || priority > leastImportant) {
    throw new MeshError(
      "CONFIG_INVALID",
      `admission.priorities.${name} takes a whole number from 0 to ${leastImportant}, not ${priority}`,
    );
  }
}
