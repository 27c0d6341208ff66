import type { JsonObject } from "@bufbuild/protobuf";
import { Html, html, prose } from "./html.ts";
import { isObject, listOf, type Node, nodeOf, stringOf } from "./json-node.ts";
import { schemaHtml, typeHtml } from "./schema-html.ts";

/*
 * The OpenAPI document as a page: one file without scripts, pictures or fonts from anywhere, so that it can be read behind
 * the strictest policy and offline. Operations are closed until they are opened; browsers search closed ones too.
 */

/** The one style sheet of the page; the policy that allows it names its hash. */
export const docsStyle = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 70rem; font: 16px/1.5 system-ui, sans-serif; }
nav ul { columns: 18rem; padding-left: 1.2rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; padding: 0 1rem; }
details[open] { padding-bottom: 1rem; }
summary { cursor: pointer; padding: .6rem 0; overflow-wrap: anywhere; }
summary b { display: inline-block; min-width: 4.5rem; }
summary span { opacity: .75; }
code, pre { font: .9em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { overflow-x: auto; border: 1px solid var(--line); padding: .7rem; border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem .4rem 0; text-align: left; vertical-align: top; }
th { font-weight: normal; }
td p, td ul { margin: 0 0 .3rem; }
small { opacity: .75; margin-left: .5rem; overflow-wrap: anywhere; }
section:target, details:target { outline: 2px solid; outline-offset: .3rem; }
`;

const verbs = ["get", "post", "put", "patch", "delete", "head", "options", "trace"] as const;

type Operation = { readonly verb: string; readonly path: string; readonly operation: Node };

/** The page. Whatever the document holds is text on it, never markup. */
export function docsPage(document: JsonObject): string {
  const info = nodeOf(document.info);
  const operations = Object.entries(nodeOf(document.paths)).flatMap(([path, item]) =>
    verbs.flatMap((verb): Operation[] => {
      const operation = nodeOf(item)[verb];
      return isObject(operation) ? [{ verb: verb.toUpperCase(), path, operation }] : [];
    }),
  );
  const tags = listOf(document.tags).filter(isObject);
  const schemas = Object.entries(nodeOf(nodeOf(document.components).schemas));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${stringOf(info.title)} API</title>
<style>${new Html(docsStyle)}</style>
</head>
<body>
<header>
<h1>${stringOf(info.title)} API <small>${stringOf(info.version)}</small></h1>
${prose(stringOf(info.description))}
<p>The same for programs: <a href="/openapi.json">openapi.json</a> (OpenAPI ${stringOf(document.openapi)}).</p>
</header>
<nav aria-label="Contents"><ul>${tags.map((tag) => html`<li><a href="#${tagId(tag)}">${stringOf(tag.name)}</a></li>`)}<li><a href="#schemas">Schemas</a></li></ul></nav>
<main>
${tags.map((tag) => tagHtml(tag, operations))}
<h2 id="schemas">Schemas</h2>
<p>A <b>*</b> marks what is always there, and in requests has to be.</p>
${schemas.map(([name, schema]) => html`<details id="schema-${name}"><summary><code>${name}</code></summary>${schemaHtml(nodeOf(schema))}</details>`)}
</main>
</body>
</html>
`;
  return page.text;
}

function tagHtml(tag: Node, all: readonly Operation[]): Html {
  const ofTag = all.filter(({ operation }) => listOf(operation.tags).includes(stringOf(tag.name) ?? ""));
  const aliasesOf = (id: string | undefined) => ofTag.filter(({ operation }) => aliasOf(operation) === id);
  const operations = ofTag.filter(({ operation }) => aliasOf(operation) === undefined);
  return html`<section id="${tagId(tag)}">
<h2>${stringOf(tag.name)}</h2>
${prose(stringOf(tag.description))}
${operations.map((each) => operationHtml(each, aliasesOf(stringOf(each.operation.operationId))))}
</section>`;
}

function aliasOf(operation: Node): string | undefined {
  return stringOf(operation["x-alias-of"]);
}

function operationHtml({ verb, path, operation }: Operation, aliases: readonly Operation[]): Html {
  const open = listOf(operation.security).length === 0;
  const parameters = listOf(operation.parameters).filter(isObject);
  const body = nodeOf(operation.requestBody);
  return html`<details id="${stringOf(operation.operationId)}">
<summary><b>${verb}</b> <code>${path}</code> <span>${stringOf(operation.summary)}</span></summary>
${prose(stringOf(operation.description))}
<p>${open ? "For anybody." : `With an access token${keyText(operation)}.`}${aliases.map(aliasHtml)}</p>
${parameters.length === 0 ? "" : html`<h3>Parameters</h3><table>${parameters.map(parameterRow)}</table>`}
${contentHtml("Body", body)}
${contentHtml("Answer", nodeOf(nodeOf(operation.responses)["200"]))}
</details>`;
}

/** What an API key needs for an operation, as the document names it. */
function keyText(operation: Node): string {
  const roles = listOf(operation.security).flatMap((each) => listOf(nodeOf(each).apiKey));
  return roles.length === 0 ? "; not with an API key" : `, or an API key with the scope ${roles.join(", ")}`;
}

function aliasHtml({ verb, path, operation }: Operation): Html {
  return html` Also at <code id="${stringOf(operation.operationId)}">${verb} ${path}</code>.`;
}

function parameterRow(parameter: Node): Html {
  const required = parameter.required === true ? html` <b title="required">*</b>` : "";
  return html`<tr><th scope="row"><code>${stringOf(parameter.name)}</code>${required}</th><td>${stringOf(parameter.in)}</td><td>${typeHtml(nodeOf(parameter.schema))}</td><td>${prose(stringOf(parameter.description))}</td></tr>`;
}

function contentHtml(title: string, { content, description }: Node): Html {
  const forms = Object.entries(nodeOf(content));
  if (forms.length === 0) {
    return html``;
  }
  const said = forms.length > 1 ? prose(stringOf(description)) : "";
  return html`<h3>${title}</h3>${said}${forms.map(
    ([type, form]) => html`<p><small>${type}</small></p>${schemaHtml(nodeOf(nodeOf(form).schema))}`,
  )}`;
}

function tagId(tag: Node): string {
  return `tag-${(stringOf(tag.name) ?? "").toLowerCase().replaceAll(" ", "-")}`;
}
