import type { FieldPath } from "../field-path.ts";
import type { RestBinding } from "../http-rule.ts";
import type { TemplateVariable } from "../path-template.ts";

/*
 * Path templates as OpenAPI writes them. OpenAPI knows only variables of one segment, so a variable with a pattern keeps
 * its literal segments and gets one parameter per wildcard: `/{name=projects/*}` is `/projects/{name}`. Wildcards without a
 * variable get parameters named by their place. What stands for several segments says so.
 */

/** One parameter of a path: the field it belongs to, where there is one, and what else is to be said. */
export type PathParameter = {
  readonly name: string;
  /** The field that takes exactly this value; undefined where the value is only a part of one, or of none. */
  readonly field: FieldPath | undefined;
  /** Whether it stands for any number of segments. */
  readonly spansSegments: boolean;
};

export type OpenApiPath = { readonly path: string; readonly parameters: readonly PathParameter[] };

/** The path of a binding, and its parameters from left to right. */
export function openApiPath({ template, pathFields }: RestBinding): OpenApiPath {
  const parameters: PathParameter[] = [];
  const segments = template.segments.map((segment, index) => {
    if (segment.kind === "literal") {
      return encodeURIComponent(segment.value);
    }
    const variable = template.variables.find(
      ({ start, end }) => index >= start && index < (end ?? Number.POSITIVE_INFINITY),
    );
    const parameter: PathParameter = {
      name: nameOf(variable, index, parameters),
      field: variable && isWhole(variable) ? pathFields.get(variable.fieldPath) : undefined,
      spansSegments: segment.kind === "rest",
    };
    parameters.push(parameter);
    return `{${parameter.name}}`;

    function isWhole({ start, end }: TemplateVariable): boolean {
      return (end ?? template.segments.length) - start === 1;
    }
  });
  const verb = template.verb === "" ? "" : `:${template.verb}`;
  return { path: `/${segments.join("/")}${verb}`, parameters };
}

/**
 * The same path with the parameters called as in an earlier path of the same shape: OpenAPI takes "/a/{id}" and "/a/{key}"
 * for one path, whose operations must agree on the names.
 */
export function renamed({ parameters }: OpenApiPath, earlier: OpenApiPath): OpenApiPath {
  return {
    path: earlier.path,
    parameters: parameters.map((parameter, i) => ({
      ...parameter,
      name: earlier.parameters[i]?.name ?? parameter.name,
    })),
  };
}

/** What paths have in common that differ in the names of their parameters only. */
export function shapeOf({ path }: OpenApiPath): string {
  return path.replaceAll(/\{[^}]*\}/g, "{}");
}

function nameOf(variable: TemplateVariable | undefined, index: number, before: readonly PathParameter[]): string {
  const base = variable === undefined ? `segment${index + 1}` : jsonPath(variable.fieldPath);
  const taken = (name: string) => before.some((parameter) => parameter.name === name);
  let name = base;
  for (let i = 2; taken(name); i++) {
    name = `${base}_${i}`;
  }
  return name;
}

function jsonPath(fieldPath: string): string {
  return fieldPath.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
