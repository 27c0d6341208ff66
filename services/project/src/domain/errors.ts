/** What can be wrong with a request about projects; `rpc.ts` gives each kind its code. */
export type ProjectErrorKind =
  | "project_unknown"
  | "version_unknown"
  | "template_unknown"
  | "member_unknown"
  | "user_unknown"
  | "not_allowed"
  | "invalid"
  | "content_unreadable"
  | "version_conflict"
  | "last_owner"
  | "too_many_templates"
  | "unavailable";

/** One refused field, by its path in the request. */
export interface RefusedField {
  readonly field: string;
  readonly description: string;
}

export class ProjectError extends Error {
  override readonly name = "ProjectError";
  readonly kind: ProjectErrorKind;
  readonly fields: readonly RefusedField[];
  /** Facts for programs: the current version of a conflict. */
  readonly facts: Readonly<Record<string, string>>;

  constructor(
    kind: ProjectErrorKind,
    message: string,
    options: { fields?: readonly RefusedField[]; facts?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.kind = kind;
    this.fields = options.fields ?? [];
    this.facts = options.facts ?? {};
  }
}
