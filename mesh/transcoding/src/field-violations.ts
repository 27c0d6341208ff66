import { create } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import {
  type FieldPathElement,
  FieldPathElementSchema,
  type Violations,
  ViolationsSchema,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { Code, ConnectError } from "@connectrpc/connect";

/** One step to a value in a request: a field by name, an item of a list by index, an entry of a map by key. */
export type FieldStep = string | number | { readonly key: string };

/** What is wrong with one field of a request. `field` is as the client writes it: `architecture.components[2].id`. */
export type FieldViolation = { readonly field: string; readonly description: string };

/** A violation before it is written down: where, and what is wrong there. An empty path means the request itself. */
export type InputViolation = { readonly path: readonly FieldStep[]; readonly description: string };

/** More violations than this in one answer help nobody; those beyond are left out. */
export const maxViolations = 50;

/**
 * The error for a request that cannot be understood: InvalidArgument, carrying the violations as `buf.validate.Violations`,
 * just as a request that breaks a validation rule does, so that both reach the client in the same shape.
 */
export function invalidRequestError(violations: readonly InputViolation[], cause?: unknown): ConnectError {
  const kept = violations.slice(0, maxViolations).map(({ path, description }) => ({
    field: { elements: elementsOfPath(path) },
    message: description,
  }));
  const detail = create(ViolationsSchema, { violations: kept });
  const lines = fieldViolationsOf(detail);
  const first = lines[0];
  const text = !first ? "bad request" : first.field === "" ? first.description : `${first.field}: ${first.description}`;
  const message = violations.length > 1 ? `${text} (and ${violations.length - 1} more)` : text;
  return new ConnectError(message, Code.InvalidArgument, undefined, [{ desc: ViolationsSchema, value: detail }], cause);
}

/** Violations of validation rules as the client reads them, with lowerCamelCase paths. */
export function fieldViolationsOf({ violations }: Violations): FieldViolation[] {
  return violations.map(({ field, message, ruleId }) => ({
    field: pathText(field?.elements ?? []),
    description: message !== "" ? message : `breaks the rule ${ruleId}`,
  }));
}

function elementsOfPath(path: readonly FieldStep[]): FieldPathElement[] {
  const elements: FieldPathElement[] = [];
  for (const step of path) {
    if (typeof step === "string") {
      elements.push(create(FieldPathElementSchema, { fieldName: step }));
      continue;
    }
    let element = elements.at(-1);
    // An element has room for one subscript: an item of an item gets an element without a name.
    if (!element || element.subscript.case !== undefined) {
      element = create(FieldPathElementSchema);
      elements.push(element);
    }
    element.subscript =
      typeof step === "number" ? { case: "index", value: BigInt(step) } : { case: "stringKey", value: step.key };
  }
  return elements;
}

function pathText(elements: readonly FieldPathElement[]): string {
  let text = "";
  for (const { fieldName, subscript } of elements) {
    const name = /^[a-z][A-Za-z0-9_]*$/.test(fieldName) ? protoCamelCase(fieldName) : fieldName;
    text += text !== "" && name !== "" ? `.${name}` : name;
    if (subscript.case !== undefined) {
      text += `[${subscript.case === "stringKey" ? JSON.stringify(subscript.value) : subscript.value}]`;
    }
  }
  return text;
}
