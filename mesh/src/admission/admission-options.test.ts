import { describe, expect, test } from "vitest";
import { MeshError } from "../errors.ts";
import { type AdmissionOptions, admissionDefaults, resolveAdmissionOptions } from "./admission-options.ts";

const names = Object.keys(admissionDefaults) as (keyof typeof admissionDefaults)[];

function refusal(options: unknown): string {
  try {
    resolveAdmissionOptions(options as AdmissionOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(MeshError);
    expect((error as MeshError).meshCode).toBe("CONFIG_INVALID");
    return (error as MeshError).message;
  }
  return "accepted";
}

describe("admission options", () => {
  test.each(names)("%s has a default, keeps what is given, and refuses what is out of bounds", (name) => {
    const { value, min, max, whole } = admissionDefaults[name];
    expect(resolveAdmissionOptions(undefined)[name]).toBe(value);
    expect(resolveAdmissionOptions({ [name]: value + 1 })[name]).toBe(value + 1);
    for (const bad of [min - 1, max + 1, Number.NaN, Number.POSITIVE_INFINITY, "7", ...(whole ? [value + 0.5] : [])]) {
      expect(refusal({ [name]: bad })).toMatch(new RegExp(`admission\\.${name} takes .* from ${min} to ${max}, not`));
    }
  });

  test("are on unless switched off", () => {
    expect([resolveAdmissionOptions(undefined).enabled, resolveAdmissionOptions({}).enabled]).toEqual([true, true]);
    expect(resolveAdmissionOptions(false).enabled).toBe(false);
  });

  test("refuse names that do not exist and a minimum above the maximum", () => {
    expect(refusal({ maxInflight: 3 })).toMatch(
      /admission\.maxInflight is no option; there are priorities, maxInFlight/,
    );
    expect(refusal({ minLimit: 10, maxInFlight: 9 })).toMatch(/minLimit \(10\) is above admission\.maxInFlight \(9\)/);
  });

  test.each([
    [{ default: 4 }, /priorities\.default takes a whole number from 0 to 3, not 4/],
    [{ callers: { "gateway-service": -1 } }, /priorities\.callers\["gateway-service"\] takes .*, not -1/],
    [{ methods: { "a.B/C": 1.5 } }, /priorities\.methods\["a\.B\/C"\] takes .*, not 1\.5/],
    [{ methods: { "a.B.C": 1 } }, /names like "package\.Service\/Method", not a\.B\.C/],
  ])("refuse the priorities %j", (priorities, message) => {
    expect(refusal({ priorities })).toMatch(message);
  });
});
