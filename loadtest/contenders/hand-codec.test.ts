import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ValidateTokenRequestSchema, ValidateTokenResponseSchema } from "@weft/proto/weft/auth/v1/auth_pb.ts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeAnswer, encodeRequest, readAnswer, readRequest } from "./hand-codec.ts";

/** Text of every length class: short and long ASCII, and characters of two to four bytes. */
const text = fc.oneof(
  fc.string({ unit: "grapheme-ascii", maxLength: 400 }),
  fc.string({ unit: "grapheme", maxLength: 200 }),
);

const answer = fc.record({
  valid: fc.boolean(),
  principal: fc.record({ userId: text, username: text, sessionId: text }),
});

describe("the codec by hand", () => {
  test("writes requests that protobuf-es reads, and reads what it writes", () => {
    fc.assert(
      fc.property(text, (token) => {
        const bytes = encodeRequest(token);
        expect(fromBinary(ValidateTokenRequestSchema, bytes).token).toBe(token);
        const theirs = Buffer.from(toBinary(ValidateTokenRequestSchema, create(ValidateTokenRequestSchema, { token })));
        expect(readRequest(theirs, 0, theirs.length)).toBe(token);
      }),
    );
  });

  test("writes answers that protobuf-es reads, and reads what it writes", () => {
    fc.assert(
      fc.property(answer, (value) => {
        expect(fromBinary(ValidateTokenResponseSchema, encodeAnswer(value))).toMatchObject(value);
        const theirs = Buffer.from(toBinary(ValidateTokenResponseSchema, create(ValidateTokenResponseSchema, value)));
        expect(readAnswer(theirs, 0, theirs.length)).toEqual(value);
      }),
    );
  });

  test("passes over fields that it does not know", () => {
    const full = create(ValidateTokenResponseSchema, {
      valid: true,
      reason: "none",
      principal: { userId: "u-1", roles: ["admin"], expiresAt: { seconds: 1n, nanos: 2 } },
    });
    const bytes = Buffer.from(toBinary(ValidateTokenResponseSchema, full));
    expect(readAnswer(bytes, 0, bytes.length)).toEqual({
      valid: true,
      principal: { userId: "u-1", username: "", sessionId: "" },
    });
  });

  test("reads a message in the middle of other bytes", () => {
    const message = encodeRequest("token");
    const bytes = Buffer.concat([Buffer.from([1, 2, 3]), message, Buffer.from([4])]);
    expect(readRequest(bytes, 3, 3 + message.length)).toBe("token");
  });
});
