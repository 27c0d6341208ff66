import type { JsonValue } from "@bufbuild/protobuf";
import { type Html, html, prose } from "./html.ts";
import { isObject, listOf, type Node, stringOf } from "./json-node.ts";

/*
 * Schemas as people read them: a table of the fields of an object, and for everything else its type and its limits in a few
 * words. Named schemas are links, never opened in place, so that recursive ones end.
 */

const limits: Readonly<Record<string, string>> = {
  minimum: "≥",
  exclusiveMinimum: ">",
  maximum: "≤",
  exclusiveMaximum: "<",
  minLength: "length ≥",
  maxLength: "length ≤",
  minItems: "items ≥",
  maxItems: "items ≤",
  minProperties: "entries ≥",
  maxProperties: "entries ≤",
};

/** A whole schema: its own words, then its fields, or its type. */
export function schemaHtml(schema: Node): Html {
  const fields = isObject(schema.properties) ? Object.entries(schema.properties) : [];
  const description = prose(stringOf(schema.description));
  if (fields.length === 0) {
    return html`${description}<p>${typeHtml(schema)}</p>`;
  }
  const required = new Set(listOf(schema.required));
  const rows = fields.map(([name, field]) => {
    const node = isObject(field) ? field : {};
    return html`<tr><th scope="row"><code>${name}</code>${required.has(name) ? html` <b title="always there">*</b>` : ""}</th><td>${typeHtml(node)}</td><td>${prose(stringOf(node.description))}</td></tr>`;
  });
  return html`${description}<table>${rows}</table>${choicesHtml(schema)}`;
}

/** The type of a schema and its limits, in a line. */
export function typeHtml(schema: Node): Html {
  const reference = stringOf(schema.$ref);
  if (reference !== undefined) {
    const name = reference.slice(reference.lastIndexOf("/") + 1);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  const options = [...listOf(schema.anyOf), ...listOf(schema.oneOf)].filter(isObject);
  if (options.length > 0) {
    return html`${options.map((option, i) => html`${i === 0 ? "" : " or "}${typeHtml(option)}`)}`;
  }
  if (isObject(schema.items)) {
    return html`list of ${typeHtml(schema.items)}${limitsHtml(schema)}`;
  }
  if (isObject(schema.additionalProperties) && Object.keys(schema.additionalProperties).length > 0) {
    return html`map to ${typeHtml(schema.additionalProperties)}${limitsHtml(schema)}`;
  }
  const types = listOf(schema.type).length > 0 ? listOf(schema.type).join(" or ") : stringOf(schema.type);
  return html`${types ?? "anything"}${limitsHtml(schema)}`;
}

function limitsHtml(schema: Node): Html {
  const words = Object.entries(limits).flatMap(([keyword, sign]) =>
    schema[keyword] === undefined ? [] : [`${sign} ${String(schema[keyword])}`],
  );
  for (const keyword of ["format", "pattern", "contentEncoding"]) {
    const value = stringOf(schema[keyword]);
    if (value !== undefined) {
      words.push(keyword === "pattern" ? `/${value}/` : value);
    }
  }
  const values = [...listOf(schema.enum), ...(schema.const === undefined ? [] : [schema.const])].map(shown);
  return html`${words.map((word) => html`<small>${word}</small>`)}${values.map((value) => html`<code>${value}</code> `)}`;
}

function choicesHtml(schema: Node): Html {
  const groups = listOf(schema.allOf).flatMap((rule) => {
    const options = isObject(rule) ? listOf(rule.oneOf).filter(isObject) : [];
    const names = options.flatMap((option) => listOf(option.required));
    return names.length === 0 ? [] : [{ names, exactly: options.every(({ not }) => not === undefined) }];
  });
  return html`${groups.map(
    ({ names, exactly }) =>
      html`<p>${exactly ? "Exactly" : "At most"} one of ${names.map((name) => html`<code>${shown(name)}</code> `)}</p>`,
  )}`;
}

function shown(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
