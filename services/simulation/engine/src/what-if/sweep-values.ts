/**
 * Which values a sweep tries: `checkout.instances=1..8` (steps of 1), `link:db.timeoutMs=50..500:50` (steps of 50), or a list,
 * `load=0.5,1,2`, whose values may be words. What is set, the caller decides; here it is only text before the first "=".
 */
export interface SweepValues {
  /** "load", or a setting's place as in `component.field`. */
  readonly target: string;
  readonly values: readonly string[];
}

const mostValues = 100;
const range = /^(-?[\d.]+)\.\.(-?[\d.]+)(?::([\d.]+))?$/;

/** Throws RangeError that names the text and what is allowed. */
export function parseSweep(text: string): SweepValues {
  const equals = text.indexOf("=");
  const target = text.slice(0, Math.max(0, equals)).trim();
  const listed = text.slice(equals + 1).trim();
  if (target === "" || listed === "") throw refused(text, "write what to vary and its values");
  const values = listed.includes("..") ? rangeValues(text, listed) : listed.split(",").map((value) => value.trim());
  if (values.includes("")) throw refused(text, "a value is missing between commas");
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined) throw refused(text, `the value ${twice} is there twice`);
  if (values.length < 2) throw refused(text, "a sweep needs at least two values");
  if (values.length > mostValues) throw refused(text, `${values.length} values; allowed are ${mostValues}`);
  return { target, values };
}

function rangeValues(text: string, listed: string): string[] {
  const [, first, last, step = "1"] = range.exec(listed) ?? [];
  const [from, to, by] = [Number(first), Number(last), Number(step)];
  if (first === undefined || last === undefined || Number.isNaN(from) || Number.isNaN(to) || !(by > 0)) {
    throw refused(text, `"${listed}" is no range`);
  }
  if (to <= from) throw refused(text, `the range ends at ${last}, which is not above ${first}`);
  // A hair more than the quotient, so that 0.1..0.3:0.1 keeps its end; the digits of sums of fractions are cut likewise.
  const count = Math.floor((to - from) / by + 1e-9) + 1;
  if (count > mostValues) throw refused(text, `${count} values; allowed are ${mostValues}`);
  return Array.from({ length: count }, (_, index) => String(Number((from + index * by).toPrecision(12))));
}

function refused(text: string, why: string): RangeError {
  return new RangeError(`"${text}": ${why}; such as checkout.instances=1..8, load=0.5..2:0.25 or load=0.5,1,2`);
}
