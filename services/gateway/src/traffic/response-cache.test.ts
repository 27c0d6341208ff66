import { create } from "@bufbuild/protobuf";
import { FakeClock } from "@weft/mesh/testing";
import { GetProjectResponseSchema } from "@weft/proto/weft/project/v1/project_pb.ts";
import { describe, expect, it } from "vitest";
import { ResponseCache } from "./response-cache.ts";

const answer = create(GetProjectResponseSchema);
const small = { answerBytes: 100, forMs: 1000 };

describe("ResponseCache", () => {
  it("gives an answer again until its time is over", async () => {
    const clock = new FakeClock();
    const cache = new ResponseCache(clock, 10_000);
    cache.put("alice", "key", answer, small);
    await clock.advance(999);
    expect(cache.get("alice", "key")).toBe(answer);
    await clock.advance(1);
    expect(cache.get("alice", "key")).toBeUndefined();
    expect(cache.bytes).toBe(0);
  });

  it("gives nobody what is another's, and forgets one user's alone", () => {
    const cache = new ResponseCache(new FakeClock(), 10_000);
    cache.put("alice", "key", answer, small);
    cache.put("bob", "key", answer, small);
    expect(cache.get("carol", "key")).toBeUndefined();
    cache.forget("alice");
    expect(cache.get("alice", "key")).toBeUndefined();
    expect(cache.get("bob", "key")).toBe(answer);
  });

  it("never keeps more bytes than it may, and drops what was used longest ago", () => {
    const cache = new ResponseCache(new FakeClock(), 1200);
    for (const key of ["a", "b", "c"]) {
      cache.put("", key, answer, small);
    }
    cache.get("", "a");
    cache.put("", "d", answer, small);
    expect(["a", "b", "c", "d"].filter((key) => cache.get("", key) !== undefined)).toEqual(["a", "c", "d"]);
    expect(cache.bytes).toBeLessThanOrEqual(1200);
  });

  it("does not empty itself for an answer that is too large to keep", () => {
    const cache = new ResponseCache(new FakeClock(), 1200);
    cache.put("", "a", answer, small);
    cache.put("", "large", answer, { answerBytes: 2000, forMs: 1000 });
    expect(cache.get("", "a")).toBe(answer);
    expect(cache.get("", "large")).toBeUndefined();
  });
});
