import { originOf } from "./client-origin.ts";
import type { MailQueue } from "./mail-ports.ts";
import type { ClientFacts, DeviceStore, DirectoryUser, OpaqueToken, OpaqueTokens, WallClock } from "./ports.ts";
import type { SecurityLog } from "./security-events.ts";
import type { LoggedIn, Sessions } from "./sessions.ts";

export interface EntryOptions {
  readonly devices: DeviceStore;
  readonly deviceTokens: OpaqueTokens;
  readonly sessions: Pick<Sessions, "open">;
  readonly mails: MailQueue;
  readonly clock: WallClock;
  readonly log: SecurityLog;
}

/** What a login rests on, whichever way it came. */
export interface Proof {
  /** For the trail: "password", "totp" after one, "passkey" … */
  readonly by: string;
  /** The device, if it was logged in from before. */
  readonly device: OpaqueToken | undefined;
  /** The session is only opened while this is the account's password hash; undefined when it rests on none. */
  readonly passwordHash: string | undefined;
  readonly secondFactor: boolean;
}

/** What every complete login gives. */
export type Entered = LoggedIn & { readonly deviceToken: string };

/**
 * The end that all ways in share: the session is opened, its device becomes a proven one, a new device is told of by mail,
 * and the trail says how they came in. Nothing is verified here any more.
 */
export class Entry {
  readonly #options: EntryOptions;

  constructor(options: EntryOptions) {
    this.#options = options;
  }

  /** The device of the token, if the user was logged in from it before. */
  async provenDevice(userId: string, token: string): Promise<OpaqueToken | undefined> {
    const { devices, deviceTokens } = this.#options;
    if (token === "") {
      return undefined;
    }
    const hash = deviceTokens.hash(token);
    return (await devices.isProven(userId, hash)) ? { token, hash } : undefined;
  }

  /** Undefined when the account was closed, or has got another password than the one that was right. */
  async open(user: DirectoryUser, client: ClientFacts, proof: Proof): Promise<Entered | undefined> {
    const { deviceTokens, sessions, mails, clock, log } = this.#options;
    const { userId } = user;
    const { passwordHash, secondFactor, by } = proof;
    const device = proof.device ?? deviceTokens.mint();
    const loggedIn = await sessions.open(user, client, { deviceHash: device.hash, passwordHash, secondFactor });
    if (loggedIn === undefined) {
      return undefined;
    }
    const origin = originOf(client);
    const isNew = proof.device === undefined;
    if (isNew) {
      await mails.notify({ kind: "new_device", userId, atMs: clock.now(), ...origin });
    }
    await log.record("logged_in", { userId, ...origin, newDevice: String(isNew), by });
    return { ...loggedIn, deviceToken: device.token };
  }
}
