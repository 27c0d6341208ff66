import { errorReason } from "@weft/mesh";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { attemptLimits } from "../src/domain/attempt-limits.ts";
import { type AuthFixture, type AuthInstance, bearer, freshSignup, startAuthFixture } from "./auth-fixture.ts";

let fixture: AuthFixture;
let first: AuthInstance;
let second: AuthInstance;

beforeAll(async () => {
  fixture = await startAuthFixture();
  first = await fixture.instance();
  second = await fixture.instance();
});
afterAll(() => fixture.close());

const free = attemptLimits.loginFromNetwork.freeAttempts;

interface Attempt {
  readonly login: string;
  readonly password?: string;
  readonly address?: string;
  readonly deviceToken?: string;
  readonly instance?: AuthInstance;
}

/** "in", or the refusal with the seconds to wait, if any. */
async function attempt(options: Attempt): Promise<string> {
  const { login, password = "wrong password", address = "192.0.2.1", deviceToken = "", instance = first } = options;
  const headers = { "x-forwarded-for": address };
  return instance.account.login({ login, password, deviceToken }, { headers }).then(
    () => "in",
    (error) => [errorReason(error), error.rawMessage, error.metadata.get("retry-after") ?? "-"].join("|"),
  );
}

const waits = (answer: string) => answer.split("|")[2];

async function lockedOut(login: string, address?: string): Promise<string> {
  let answer = "";
  for (let at = 0; at < free; at += 1) {
    const instance = at % 2 === 0 ? first : second;
    answer = await attempt({ login, instance, ...(address === undefined ? {} : { address }) });
  }
  return answer;
}

describe("guessing at an account", () => {
  test("ASVS 6.3.1: waits ever longer after ten attempts, over all instances, and the right password waits with them", async () => {
    const { username: login, password } = freshSignup();
    await first.account.signup({ username: login, email: `${login}@example.org`, password });
    expect(waits(await lockedOut(login))).toBe("1");
    expect(waits(await attempt({ login, password }))).toBe("1");
    await fixture.clock.advance(1000);
    expect(waits(await attempt({ login }))).toBe("2");
    expect(waits(await attempt({ login, password, instance: second }))).toBe("2");
    await fixture.clock.advance(2000);
    expect(await attempt({ login, password })).toBe("in");
    expect(waits(await attempt({ login }))).toBe("-");
  });

  test("ASVS 6.1.1: does not hold up its owner elsewhere, nor on a device that was logged in from before", async () => {
    const { username: login, password } = freshSignup();
    const { deviceToken } = await first.account.signup({ username: login, email: `${login}@example.org`, password });
    await lockedOut(login);
    expect(waits(await attempt({ login, password }))).toBe("1");
    expect(await attempt({ login, password, deviceToken })).toBe("in");
    expect(await attempt({ login, password, address: "192.0.2.2" })).toBe("in");
  });

  test("ASVS 6.1.1: by way of a stolen device waits as well", async () => {
    const { username: login, password } = freshSignup();
    const { deviceToken } = await first.account.signup({ username: login, email: `${login}@example.org`, password });
    for (let at = 0; at < attemptLimits.device.freeAttempts; at += 1) await attempt({ login, deviceToken });
    expect(waits(await attempt({ login, password, deviceToken }))).toBe("1");
    expect(await attempt({ login, password })).toBe("in");
  });

  test("ASVS 6.3.8: gives answers that do not tell whether the account exists", async () => {
    const { username: login, password } = freshSignup();
    await first.account.signup({ username: login, email: `${login}@example.org`, password });
    const answersOf = async (name: string) => {
      const answers: string[] = [];
      for (let at = 0; at < free + 2; at += 1) answers.push(await attempt({ login: name, address: "192.0.2.3" }));
      answers.push(await attempt({ login: name, password, address: "192.0.2.3" }));
      return answers;
    };
    const known = await answersOf(login);
    expect(known).toEqual(await answersOf("nobody-of-this-name"));
    expect(new Set(known.map((answer) => answer.split("|").slice(0, 2).join())).size).toBe(1);
  });
});

describe("guessing by a stolen access token", () => {
  test("at the password that a deletion asks for waits as well", async () => {
    const signup = freshSignup();
    const { accessToken } = await first.account.signup(signup);
    const remove = (password: string) =>
      first.account.deleteAccount({ password }, bearer(accessToken)).then(
        () => "done",
        (error) => `${errorReason(error)} ${error.metadata.get("retry-after") ?? "-"}`,
      );
    for (let at = 1; at < attemptLimits.password.freeAttempts; at += 1) {
      expect(await remove("wrong password")).toBe("PASSWORD_WRONG -");
    }
    expect(await remove("wrong password")).toBe("PASSWORD_WRONG 1");
    expect(await remove(signup.password)).toBe("PASSWORD_WRONG 1");
    await fixture.clock.advance(1000);
    expect(await remove(signup.password)).toBe("done");
  });
});
