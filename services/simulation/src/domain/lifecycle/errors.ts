/** What can be wrong with a request about simulations; `rpc.ts` gives each kind its code. */
export type SimulationErrorKind =
  | "simulation_unknown"
  | "study_unknown"
  | "project_unknown"
  | "not_allowed"
  | "cannot_be_simulated"
  | "too_large"
  | "too_many_unfinished"
  | "too_many_changes"
  | "invalid"
  | "wrong_status"
  | "not_finished"
  | "unavailable";

export interface RefusedField {
  readonly field: string;
  readonly description: string;
}

export class SimulationError extends Error {
  override readonly name = "SimulationError";
  readonly kind: SimulationErrorKind;
  readonly fields: readonly RefusedField[];

  constructor(
    kind: SimulationErrorKind,
    message: string,
    options: { fields?: readonly RefusedField[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.kind = kind;
    this.fields = options.fields ?? [];
  }
}
