/**
 * What is wrong with optional fields, as sentences that `check-architecture.ts` begins with the place. A field that is
 * absent stands for its documented default, which is never wrong, unless its rule says that the group it belongs to means
 * nothing without it.
 */
export interface OptionIssue {
  readonly field: string;
  /** Starts with the field. */
  readonly message: string;
}

/** What a number may be: both ends included, unless `isAbove` leaves the lower one out. */
export interface NumberRule {
  readonly minimum: number;
  readonly maximum: number;
  readonly isWhole?: true;
  readonly isAbove?: true;
  /** 0 is allowed too and means that there is no limit. */
  readonly orZero?: true;
  readonly isRequired?: true;
}

export type NumberRules<T> = Readonly<Partial<Record<keyof T & string, NumberRule>>>;

/** A day: whoever waits longer waits for ever. */
export const longestWaitMs = 86_400_000;

/** The numbers of `owner` that break their rule; `path` comes before the names of a group's fields ("rateLimit."). */
export function numberIssues<T extends object>(owner: T, rules: NumberRules<T>, path = ""): OptionIssue[] {
  const issues: OptionIssue[] = [];
  for (const [name, rule] of Object.entries(rules) as [keyof T & string, NumberRule][]) {
    const value: unknown = owner[name];
    if ((value === undefined && rule.isRequired !== true) || isAllowed(value, rule)) continue;
    const field = `${path}${name}`;
    issues.push({ field, message: `${field} is ${value}; allowed ${allowedBy(rule)}` });
  }
  return issues;
}

/** One issue when a text is none of the allowed ones; none when it is absent. */
export function choiceIssues(field: string, value: string | undefined, allowed: readonly string[]): OptionIssue[] {
  if (value === undefined || allowed.includes(value)) return [];
  return [{ field, message: `${field} is "${value}"; allowed are ${allowed.join(", ")}` }];
}

function isAllowed(value: unknown, { minimum, maximum, isWhole, isAbove, orZero }: NumberRule): boolean {
  if (typeof value !== "number") return false;
  if (orZero === true && value === 0) return true;
  const isHighEnough = isAbove === true ? value > minimum : value >= minimum;
  return isHighEnough && value <= maximum && (isWhole !== true || Number.isInteger(value));
}

function allowedBy({ minimum, maximum, isWhole, isAbove, orZero }: NumberRule): string {
  if (isWhole === true) return `are whole numbers from ${minimum} to ${maximum}`;
  if (isAbove === true) return `is above ${minimum} to ${maximum}`;
  return `is ${orZero === true ? "0 or " : ""}${minimum} to ${maximum}`;
}
