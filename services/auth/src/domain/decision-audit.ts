import type { Authorization } from "./authorization.ts";
import { AuthError } from "./errors.ts";

/** A row of the trail: a decision, or a change of roles. */
export interface AuditedDecision {
  readonly id: string;
  readonly decision: string;
  /** Empty when it is about everybody with a role on the resource. */
  readonly userId: string;
  readonly permission: string;
  readonly resource: string;
  readonly role: string;
  readonly actorId: string;
  readonly count: number;
  readonly decidedAtMs: number;
}

/** Which rows; all of them without a filter. */
export interface DecisionFilter {
  readonly userId?: string;
  readonly resource?: string;
}

export interface DecisionStore {
  /** The newest first, from before the one named. */
  list(filter: DecisionFilter, page: { most: number; beforeId?: string }): Promise<readonly AuditedDecision[]>;
}

/** The trail of decisions, for those who may read it; that they did stands in it, too, and that others tried. */
export class DecisionAudit {
  readonly #store: DecisionStore;
  readonly #authorization: Pick<Authorization, "check">;

  constructor(store: DecisionStore, authorization: Pick<Authorization, "check">) {
    this.#store = store;
    this.#authorization = authorization;
  }

  /** Throws "not_allowed" to everybody who is no administrator. */
  async list(
    callerId: string,
    filter: DecisionFilter,
    page: { most: number; beforeId?: string },
  ): Promise<readonly AuditedDecision[]> {
    const { allowed } = await this.#authorization.check(callerId, "audit.read", "");
    if (!allowed) {
      throw new AuthError("not_allowed", "only administrators may read the trail of decisions");
    }
    return this.#store.list(filter, page);
  }
}
