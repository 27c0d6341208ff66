import type { DescField, DescFile } from "@bufbuild/protobuf";
import { getOption } from "@bufbuild/protobuf";

/*
 * The limits that protovalidate's rules set for one field, read from its descriptor. The extension is taken from the
 * file that the contract imports, so this needs no package of its own; only rules with a number are looked at, as they
 * are what a value can be at, or just beyond.
 */

export interface FieldLimits {
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly least?: number;
  readonly most?: number;
  readonly maxItems?: number;
  readonly items?: FieldLimits;
}

interface Rules {
  readonly type: { readonly case?: string; readonly value?: Readonly<Record<string, unknown>> };
  readonly ignore?: number;
}

interface Bound {
  readonly case?: string;
  readonly value?: number | bigint;
}

/** No limits for a field without rules. */
export function limitsOf(field: DescField): FieldLimits {
  const extension = validateFile(field.parent.file)?.extensions.find(
    ({ typeName, extendee }) =>
      typeName === "buf.validate.field" && extendee.typeName === "google.protobuf.FieldOptions",
  );
  return extension === undefined ? {} : limitsOfRules(getOption(field, extension) as unknown as Rules);
}

function limitsOfRules(rules: Rules | undefined): FieldLimits {
  const value = rules?.type.value ?? {};
  // Fields of these messages that are not set are found on the prototype, with a default.
  const set = (name: string): unknown => (Object.hasOwn(value, name) ? value[name] : undefined);
  switch (rules?.type.case) {
    case undefined:
      return {};
    case "string":
      return pruned({ minLength: count(set("minLen")), maxLength: count(set("maxLen")) });
    case "repeated":
      return pruned({ maxItems: count(set("maxItems")), items: limitsOfRules(set("items") as Rules | undefined) });
    case "map":
      return {};
    default: {
      const [above, below] = [set("greaterThan") as Bound | undefined, set("lessThan") as Bound | undefined];
      return pruned({
        least: above?.case === "gte" ? count(above.value) : undefined,
        most: below?.case === "lte" ? count(below.value) : undefined,
      });
    }
  }
}

function count(value: unknown): number | undefined {
  return typeof value === "bigint" || typeof value === "number" ? Number(value) : undefined;
}

function pruned(limits: { readonly [Name in keyof FieldLimits]: FieldLimits[Name] | undefined }): FieldLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
}

function validateFile(file: DescFile): DescFile | undefined {
  return file.dependencies.find(({ name }) => name === "buf/validate/validate");
}
