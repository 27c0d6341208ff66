import { describe, expect, test } from "vitest";
import { seededRandom } from "../random.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { createEnvelope, type NewEvent } from "./event-envelope.ts";

const parts = { clock: new FakeClock(Date.UTC(2026, 2, 4, 5, 6, 7)), random: seededRandom(1) };
const event: NewEvent = { type: "TodoCreated", category: "todo", correlationId: "c1", payload: { todoId: "t1" } };

describe("createEnvelope", () => {
  test("fills in id, time and defaults", () => {
    expect(createEnvelope(event, parts)).toEqual({
      eventId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      type: "TodoCreated",
      timestamp: "2026-03-04T05:06:07.000Z",
      version: 1,
      correlationId: "c1",
      actorUserId: null,
      ownerUserId: null,
      affectedUserIds: [],
      notificationRequired: false,
      category: "todo",
      payload: { todoId: "t1" },
    });
  });

  test.each([
    ["type", { type: "" }],
    ["correlationId", { correlationId: "x".repeat(201) }],
    ["category", { category: "" }],
    ["version", { version: 0 }],
    ["payload", { payload: undefined }],
  ])("refuses a bad %s by its name", (field, bad) => {
    expect(() => createEnvelope({ ...event, ...bad }, parts)).toThrow(new RegExp(`^${field}: `));
  });
});
