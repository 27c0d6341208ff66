/**
 * How often passwords may be tried, as pure functions of counts and the time (AUTH-14, ASVS 6.1.1, 6.3.1).
 *
 * Attempts are counted by what is attacked and where from: (login, network), network, and login, each with its own limit.
 * Some are free; each one after that doubles the time until the next is let in, up to a most. Nothing is ever locked for
 * good, and an attempt that has to wait is neither verified nor counted, so hammering does not make the wait longer.
 *
 * That anybody can make others wait is the price of every lock, so a device that was logged in from before is counted by
 * itself alone: whatever is tried elsewhere against the account, its owner gets in from there, and a stolen device token
 * is worth a few tries. (OWASP, "Slow Down Online Guessing Attacks with Device Cookies", describes the idea.) The login is
 * counted as it is typed and whether or not it exists, so that waiting says nothing about accounts.
 */

/** What one count allows; times in milliseconds. */
export interface AttemptLimit {
  readonly freeAttempts: number;
  /** The wait after the last free attempt; doubled by each further one. */
  readonly baseWaitMs: number;
  readonly mostWaitMs: number;
  /** After so long without an attempt the count begins again. Not below `mostWaitMs`. */
  readonly forgetAfterMs: number;
}

/** One thing that is counted. `id` names it within its kind. */
export interface CountedKey {
  readonly kind: keyof typeof attemptLimits;
  readonly id: string;
}

export interface AttemptCount {
  readonly count: number;
  readonly lastAtMs: number;
}

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

/**
 * loginFromNetwork: ten typing mistakes in a row are human. network: an office behind one address, and about as many as
 * can wait for a hash at once. login: NIST SP 800-63B allows 100 failures in a row; a minute between guesses then leaves an
 * attacker with any number of addresses 1440 a day. password: asked again within a session, by whoever holds its token.
 * apiKeyFromNetwork: keys that do not exist.
 * totp: six digits can be guessed, by whoever has the password; at the most a guess an hour is one in 14 000 a day, and the
 * owner is told. totpAgain: asked for within a session. mailFor, mailFromNetwork, signupMail: mails that somebody else may have to read; each one admitted is sent, so asking in a victim's
 * name keeps nobody from a link that works.
 */
export const attemptLimits = {
  loginFromNetwork: limit(10, secondMs, 15 * minuteMs, 24 * hourMs),
  network: limit(100, secondMs, 5 * minuteMs, hourMs),
  login: limit(100, secondMs, minuteMs, 24 * hourMs),
  device: limit(10, secondMs, 15 * minuteMs, 24 * hourMs),
  password: limit(10, secondMs, 15 * minuteMs, 24 * hourMs),
  apiKeyFromNetwork: limit(100, secondMs, minuteMs, hourMs),
  totp: limit(5, secondMs, hourMs, 24 * hourMs),
  totpAgain: limit(5, secondMs, hourMs, 24 * hourMs),
  mailFor: limit(3, minuteMs, hourMs, 24 * hourMs),
  mailFromNetwork: limit(20, minuteMs, hourMs, 24 * hourMs),
  signupMail: limit(100, secondMs, 5 * minuteMs, hourMs),
} as const satisfies Record<string, AttemptLimit>;

/** How long the next attempt has to wait, counted from the last one. */
export function waitAfterMs(count: number, { freeAttempts, baseWaitMs, mostWaitMs }: AttemptLimit): number {
  return count < freeAttempts ? 0 : Math.min(mostWaitMs, baseWaitMs * 2 ** (count - freeAttempts));
}

/** How long an attempt has to wait now; 0 when it may be made. */
export function remainingWaitMs(counted: AttemptCount, nowMs: number, limits: AttemptLimit): number {
  if (nowMs - counted.lastAtMs > limits.forgetAfterMs) {
    return 0;
  }
  const waitMs = waitAfterMs(counted.count, limits);
  // A last attempt noted by a clock that is ahead makes nobody wait longer than the wait itself.
  return Math.max(0, Math.min(waitMs, counted.lastAtMs + waitMs - nowMs));
}

/** The count with one more attempt in it. */
export function counted(before: AttemptCount, nowMs: number, { forgetAfterMs }: AttemptLimit): AttemptCount {
  const forgotten = nowMs - before.lastAtMs > forgetAfterMs;
  return { count: forgotten ? 1 : before.count + 1, lastAtMs: nowMs };
}

/** What a login from a device that proved nothing counts against. */
export function keysOfLogin(login: string, network: string): readonly CountedKey[] {
  return [
    { kind: "loginFromNetwork", id: `${network} ${folded(login)}` },
    { kind: "network", id: network },
    { kind: "login", id: folded(login) },
  ];
}

/** What a mail that is asked for counts against. */
export function keysOfMail(about: string, network: string): readonly CountedKey[] {
  return [
    { kind: "mailFor", id: folded(about) },
    { kind: "mailFromNetwork", id: network },
  ];
}

/** What the mail that follows a signup counts against. */
export function keysOfSignupMail(address: string, network: string): readonly CountedKey[] {
  return [
    { kind: "mailFor", id: `signup ${folded(address)}` },
    { kind: "signupMail", id: network },
  ];
}

function folded(login: string): string {
  return login.normalize("NFKC").trim().toLowerCase();
}

function limit(freeAttempts: number, baseWaitMs: number, mostWaitMs: number, forgetAfterMs: number): AttemptLimit {
  return { freeAttempts, baseWaitMs, mostWaitMs, forgetAfterMs };
}
