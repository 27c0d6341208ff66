/** One thing that keeps an architecture from being simulated; `component` or `link` name the place, if it has one. */
export interface ModelIssue {
  readonly component?: string;
  readonly link?: string;
  readonly field: string;
  readonly message: string;
}

/** The architecture cannot be simulated. `issues` has everything that was found, `message` says it in words. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly issues: readonly ModelIssue[];

  constructor(issues: readonly ModelIssue[]) {
    super(issues.map((issue) => issue.message).join("; "));
    this.issues = issues;
  }
}
