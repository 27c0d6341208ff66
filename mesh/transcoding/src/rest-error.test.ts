import { create, fromJson, toBinary } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { FieldPathElementSchema, ViolationsSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { errorWithHttpStatus, toRestError } from "./rest-error.ts";
import { scriptedService } from "./testing/scripted-service.ts";

const { item, registry } = scriptedService({});

const violations = create(ViolationsSchema, {
  violations: [
    {
      field: {
        elements: [
          { fieldName: "architecture" },
          { fieldName: "sub_components", subscript: { case: "index", value: 2n } },
          { fieldName: "id" },
        ],
      },
      message: "value is required",
      ruleId: "required",
    },
    {
      field: {
        elements: [
          create(FieldPathElementSchema, { fieldName: "labels", subscript: { case: "stringKey", value: 'a"b' } }),
        ],
      },
      ruleId: "string.min_len",
    },
    { message: "one of a and b is required", ruleId: "one_of" },
  ],
});

const badRequest = {
  "@type": "type.googleapis.com/google.rpc.BadRequest",
  fieldViolations: [
    { field: "architecture.subComponents[2].id", description: "value is required" },
    { field: 'labels["a\\"b"]', description: "breaks the rule string.min_len" },
    { field: "", description: "one of a and b is required" },
  ],
};

function errorInfo(reason: string) {
  return { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "weft" };
}

describe("toRestError", () => {
  test.each<[Code, string, number]>([
    [Code.Canceled, "canceled", 499],
    [Code.Unknown, "unknown", 500],
    [Code.InvalidArgument, "invalid_argument", 400],
    [Code.DeadlineExceeded, "deadline_exceeded", 504],
    [Code.NotFound, "not_found", 404],
    [Code.AlreadyExists, "already_exists", 409],
    [Code.PermissionDenied, "permission_denied", 403],
    [Code.ResourceExhausted, "resource_exhausted", 429],
    [Code.FailedPrecondition, "failed_precondition", 400],
    [Code.Aborted, "aborted", 409],
    [Code.OutOfRange, "out_of_range", 400],
    [Code.Unimplemented, "unimplemented", 501],
    [Code.Internal, "internal", 500],
    [Code.Unavailable, "unavailable", 503],
    [Code.DataLoss, "data_loss", 500],
    [Code.Unauthenticated, "unauthenticated", 401],
  ])("maps code %i to %s and status %i", (code, name, status) => {
    const response = toRestError(new ConnectError("why", code));
    expect(response.status).toBe(status);
    expect(response.body.code).toBe(name);
    expect(response.body.details).toEqual([errorInfo(name.toUpperCase())]);
  });

  test("tells nothing of an error that is not a ConnectError", () => {
    for (const error of [new Error("password=1"), "password=1", undefined, { code: 5 }, null]) {
      const response = toRestError(error, { correlationId: "c-1" });
      expect(response.status).toBe(500);
      expect(response.body).toEqual({
        code: "internal",
        message: "internal error",
        details: [errorInfo("INTERNAL"), { "@type": "type.googleapis.com/google.rpc.RequestInfo", requestId: "c-1" }],
      });
    }
  });

  test("keeps the message of a foreign error wrapped as Unknown to itself", () => {
    expect(toRestError(ConnectError.from(new Error("password=1"))).body.message).toBe("unknown error");
  });

  test("turns violations of validation rules into field violations, raised here or received", () => {
    const raised = new ConnectError("bad", Code.InvalidArgument, undefined, [
      { desc: ViolationsSchema, value: violations },
    ]);
    const received = new ConnectError("bad", Code.InvalidArgument);
    received.details = [{ type: "buf.validate.Violations", value: toBinary(ViolationsSchema, violations) }];
    expect(toRestError(raised).body.details[0]).toEqual(badRequest);
    expect(toRestError(received).body.details[0]).toEqual(badRequest);
  });

  test("writes other details with their type, received ones by the registry, and leaves out what it cannot read", () => {
    const error = new ConnectError("bad", Code.NotFound, undefined, [
      { desc: DurationSchema, value: { seconds: 3n } },
      { desc: item, value: { id: "raised" } as never },
    ]);
    const part = fromJson(item, { id: "received", tags: ["a"] });
    error.details.push(
      { type: "test.v1.Item", value: toBinary(item, part) },
      { type: "test.v1.Item", value: new Uint8Array([0xff]) },
      { type: "test.v1.Nobody", value: new Uint8Array() },
      { type: "buf.validate.Violations", value: new Uint8Array([0xff]) },
    );
    expect(toRestError(error, { registry }).body.details).toEqual([
      errorInfo("NOT_FOUND"),
      { "@type": "type.googleapis.com/google.protobuf.Duration", value: "3s" },
      { "@type": "type.googleapis.com/test.v1.Item", id: "raised" },
      { "@type": "type.googleapis.com/test.v1.Item", id: "received", tags: ["a"] },
    ]);
  });

  test("asks to retry after a second when unavailable, unless the error says when", () => {
    expect(toRestError(new ConnectError("away", Code.Unavailable)).headers.get("retry-after")).toBe("1");
    const later = new ConnectError("away", Code.Unavailable, { "retry-after": "30", "x-inner": "secret" });
    expect(toRestError(later).headers.get("retry-after")).toBe("30");
    expect(toRestError(later).headers.has("x-inner")).toBe(false);
    expect(toRestError(new ConnectError("no", Code.NotFound)).headers.has("retry-after")).toBe(false);
  });

  test("uses the status an error was made with", () => {
    const response = toRestError(errorWithHttpStatus(405, Code.Unimplemented, "no", { allow: "GET" }));
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET");
    expect(response.body.code).toBe("unimplemented");
  });

  test("never throws, whatever the details hold", () => {
    fc.assert(
      fc.property(fc.integer(), fc.string(), fc.uint8Array(), (code, type, value) => {
        const error = new ConnectError("x", code as Code);
        error.details = [
          { type, value },
          { type: "test.v1.Item", value },
          { type: "buf.validate.Violations", value },
        ];
        const { status, body } = toRestError(error, { registry });
        expect(status).toBeGreaterThanOrEqual(400);
        expect(JSON.parse(JSON.stringify(body))).toEqual(body);
      }),
    );
  });
});
