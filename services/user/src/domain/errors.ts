/** Everything the user domain refuses; `rpc.ts` maps each kind to a code and a reason. */
export type UserErrorKind = "user_unknown" | "field_taken" | "not_allowed" | "proof_needed";

/** One refused input field, by its lowerCamelCase JSON name. */
export interface RefusedField {
  readonly field: string;
  readonly description: string;
}

/** A refusal by a rule of this service; `fields` names the input at fault. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly kind: UserErrorKind;
  readonly fields: readonly RefusedField[];

  constructor(kind: UserErrorKind, message: string, fields: readonly RefusedField[] = []) {
    super(message);
    this.kind = kind;
    this.fields = fields;
  }
}
