/**
 * Points in time as trace files write them, in milliseconds since 1970. ISO 8601 with date and time of day; without a zone
 * it is UTC, which is as good as any other because only differences count. The days of a date are counted by the
 * arithmetic of Hinnant (2013), since this package knows no clock and no calendar. A double holds such a time to a
 * quarter of a microsecond.
 */
const isoPattern =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(?:[Zz]|([+-])(\d\d):?(\d\d)?)?$/;
const numberPattern = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const msPerMinute = 60_000;
const msPerDay = 86_400_000;

/** Undefined when the text is no such time. */
export function isoTimeMs(text: string): number | undefined {
  const match = isoPattern.exec(text);
  if (match === null) return undefined;
  const part = (index: number) => Number(match[index] ?? 0);
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)];
  const offsetMinutes = (match[8] === "-" ? -1 : 1) * (part(9) * 60 + part(10));
  if (month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month)) return undefined;
  // A second of 60 is a leap second.
  if (hour > 23 || minute > 59 || second > 60 || part(9) > 23 || part(10) > 59) return undefined;
  const fractionMs = Number((match[7] ?? "").padEnd(9, "0")) / 1e6;
  const minutes = hour * 60 + minute - offsetMinutes;
  return daysSince1970(year, month, day) * msPerDay + minutes * msPerMinute + second * 1000 + fractionMs;
}

/** Undefined when the text is no finite decimal number. */
export function decimal(text: string): number | undefined {
  const value = numberPattern.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

function daysOfMonth(year: number, month: number): number {
  const [nextYear, nextMonth] = month === 12 ? [year + 1, 1] : [year, month + 1];
  return daysSince1970(nextYear, nextMonth, 1) - daysSince1970(year, month, 1);
}

/** Years begin in March here, so that the day a leap year adds is the last. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
