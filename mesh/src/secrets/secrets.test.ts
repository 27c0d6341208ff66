import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSecrets, MissingSecretError } from "./secrets.ts";

describe("createSecrets", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "weft-test-secrets-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test("reads a variable", async () => {
    expect(await createSecrets({ environment: { SIGNING_KEY: "s3cret" } }).get("SIGNING_KEY")).toBe("s3cret");
  });

  test("reads the file that the variable with _FILE names, without its final line break", async () => {
    const file = join(folder, "key");
    await writeFile(file, "two\nlines\n");
    expect(await createSecrets({ environment: { SIGNING_KEY_FILE: file } }).get("SIGNING_KEY")).toBe("two\nlines");
  });

  test.each([
    ["nothing is set", {}, "set SIGNING_KEY, or SIGNING_KEY_FILE to"],
    ["the variable is empty", { SIGNING_KEY: "" }, "set SIGNING_KEY, or SIGNING_KEY_FILE to"],
    ["the file is absent", { SIGNING_KEY_FILE: "/nonexistent/key" }, "/nonexistent/key, which cannot be read"],
    ["both are set", { SIGNING_KEY: "a", SIGNING_KEY_FILE: "b" }, "both SIGNING_KEY and SIGNING_KEY_FILE are set"],
  ])("explains what is wrong when %s", async (_case, environment, message) => {
    const missing = createSecrets({ environment }).get("SIGNING_KEY");
    await expect(missing).rejects.toBeInstanceOf(MissingSecretError);
    await expect(missing).rejects.toThrow(message);
  });

  test("generates nothing outside development", async () => {
    const secrets = createSecrets({ environment: {}, generate: () => "made up", generatedDir: folder });
    await expect(secrets.get("SIGNING_KEY")).rejects.toBeInstanceOf(MissingSecretError);
  });

  test("keeps a generated value in a file for its owner alone, also when several ask at once", async () => {
    let made = 0;
    const options = {
      environment: {},
      development: true,
      generatedDir: join(folder, "generated"),
      generate: () => `made up ${++made}`,
    };
    const instances = Array.from({ length: 5 }, () => createSecrets(options));
    const values = new Set(await Promise.all(instances.map((secrets) => secrets.get("SIGNING_KEY"))));
    const [value] = values;
    expect(values.size).toBe(1);
    const file = join(folder, "generated", "SIGNING_KEY");
    expect(await readFile(file, "utf8")).toBe(value);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await createSecrets(options).get("SIGNING_KEY")).toBe(value);
  });

  test("does not let a generator's refusal or a strange name pass", async () => {
    const secrets = createSecrets({
      environment: {},
      development: true,
      generatedDir: folder,
      generate: () => undefined,
    });
    await expect(secrets.get("SIGNING_KEY")).rejects.toBeInstanceOf(MissingSecretError);
    await expect(secrets.get("../etc/passwd")).rejects.toThrow(/^name: /);
  });
});
