import { describe, expect, test } from "vitest";
import { newDeviceMail, resetMail } from "./mails.ts";

const mail = { to: "ada@example.org", username: "ada", token: "the-token" };

describe("mails", () => {
  test("carry the token behind the # of a link, or alone where there is no page for it", () => {
    const linked = resetMail({ ...mail, link: "https://weft.example/reset-password" });
    expect(linked.text).toContain("\n\nhttps://weft.example/reset-password#token=the-token\n\n");
    expect(resetMail({ ...mail, link: undefined }).text).toContain("\n\nthe-token\n\n");
  });

  test("say when, from where and with what something was done, as far as it is known", () => {
    const occasion = { userId: "id", atMs: Date.UTC(2026, 0, 2, 3, 4), address: "", userAgent: "a phone" };
    const { text } = newDeviceMail("ada@example.org", "ada", occasion);
    expect(text).toContain("When: 2026-01-02 03:04 UTC\nFrom: unknown\nWith: a phone\n");
  });
});
