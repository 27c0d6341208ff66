import { describe, expect, it } from "vitest";
import { BodyCollector } from "./body-collector.ts";
import { RequestBodyError } from "./http-server.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const collector = () => new BodyCollector({ maxBytes: 4, discardMaxBytes: 4 });

describe("BodyCollector", () => {
  it("joins the pieces of a body, which the server may reuse", async () => {
    const body = collector();
    const piece = bytes("ab");
    body.push(piece, false);
    piece.fill(0);
    body.push(bytes("cd"), true);
    expect(new TextDecoder().decode(await body.read())).toBe("abcd");
    expect(body.complete).toBe(true);
  });

  it("reads a body that is too large to its end before it refuses it", async () => {
    const body = collector();
    body.push(bytes("abcde"), false);
    expect(body.complete).toBe(false);
    body.push(bytes("f"), true);
    await expect(body.read()).rejects.toMatchObject({ fault: "too_large" });
    expect(body.complete).toBe(true);
  });

  it("refuses at once what is larger than it cares to throw away", async () => {
    const body = collector();
    body.push(bytes("abcdefghi"), false);
    await expect(body.read()).rejects.toThrow("larger than 4 bytes");
    expect(body.complete).toBe(false);
  });

  it("keeps its first outcome", async () => {
    const body = collector();
    body.fail(new RequestBodyError("timeout", "late"));
    body.push(bytes("a"), true);
    await expect(body.read()).rejects.toMatchObject({ fault: "timeout" });
  });
});
