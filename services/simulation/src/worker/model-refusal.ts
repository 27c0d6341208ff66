import type { ModelError } from "@weft/simulator";

/** The issues of a model as fields of its project's architecture. */
export function refusedFields(error: ModelError): { readonly field: string; readonly description: string }[] {
  return error.issues.map(({ component, link, field, message }) => ({
    field: `architecture.${component === undefined ? "" : `component ${component} `}${link === undefined ? "" : `link ${link} `}${field}`,
    description: message,
  }));
}
