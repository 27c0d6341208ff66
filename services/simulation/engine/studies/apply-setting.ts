import { type Architecture as CompleteArchitecture, importWeft, optionPaths } from "@weft/project/architecture";
import type { Architecture } from "../src/index.ts";
import { nearest } from "./nearest.ts";
import { StudyError } from "./study-error.ts";

/*
 * `checkout.instances=4`: one field of one component, link (`link:<id>.timeoutMs`) or workload
 * (`workload:<id>.ratePerSecond`), changed in an architecture that was read. Fields of groups have dots
 * (`checkout.autoscaler.maxInstances=8`); a group or a list can be given whole, as JSON (`link:<id>.breaker={}`).
 *
 * The changed architecture is read anew as a Weft file. So what can be set is what can be written in a file, with the same
 * limits, and no list of fields is kept here.
 */

type Plain = { [key: string]: unknown };

interface Place {
  readonly noun: "component" | "link" | "workload";
  readonly item: Plain & { readonly id: string };
  readonly path: readonly string[];
}

/** The architecture with the setting; the given one is unchanged. Throws StudyError, naming what is near, when it cannot be. */
export function applySetting(architecture: Architecture, setting: string): CompleteArchitecture {
  const equals = setting.indexOf("=");
  if (equals <= 0) {
    throw new StudyError(`"${setting}" is no setting; write component.field=value`, { next: examples });
  }
  const changed = structuredClone(architecture);
  const place = findPlace(changed, setting.slice(0, equals), setting);
  setField(place, setting.slice(equals + 1), setting);
  const { architecture: read, findings } = importWeft(JSON.stringify(changed));
  const problem = findings.find(({ severity }) => severity !== "INFO");
  if (problem === undefined) return read;
  if (findings.some(({ message }) => message.includes("not a field"))) throw unknownField(place, architecture, setting);
  const own = problem.message.startsWith(`${place.item.id}.`)
    ? problem.message.slice(place.item.id.length + 1)
    : undefined;
  const message = (own ?? problem.message.replace(/^\w+\[\d+\]\.?/, "")).replace(
    /; (\w+ counts as absent|it is left out)$/,
    "",
  );
  throw new StudyError(`${setting}: ${place.noun} "${place.item.id}": ${message}`, wholeGroup(place, message));
}

const examples =
  "examples: checkout.instances=4, checkout.serviceTime.meanMs=20, link:<id>.timeoutMs=500, workload:<id>.ratePerSecond=80";

function findPlace(architecture: Architecture, target: string, setting: string): Place {
  const [, prefix, rest = ""] = /^(?:(link|workload|component):)?(.*)$/s.exec(target) ?? [];
  const noun = (prefix ?? "component") as Place["noun"];
  const items = architecture[`${noun}s`] as unknown as readonly Place["item"][];
  // Ids may hold dots, so the longest one that fits is meant.
  const fitting = items.filter(({ id }) => rest.startsWith(`${id}.`)).sort((a, b) => b.id.length - a.id.length);
  const [item] = fitting;
  if (item !== undefined) return { noun, item, path: rest.slice(item.id.length + 1).split(".") };
  const ids = items.map(({ id }) => id);
  if (ids.includes(rest)) {
    throw new StudyError(`${setting} names no field of ${noun} "${rest}"`, { next: examples });
  }
  const wanted = rest.includes(".") ? rest.slice(0, rest.lastIndexOf(".")) : rest;
  const near = nearest(wanted.replace(/\.serviceTime$|\.latency$/, ""), ids, 3);
  throw new StudyError(`${setting}: there is no ${noun} "${wanted}"`, {
    next:
      near.length > 0
        ? `did you mean ${near.join(", ")}?`
        : `${noun}s: ${ids.slice(0, 20).join(", ") || "none"}${ids.length > 20 ? ", …" : ""}`,
  });
}

function setField({ item, path }: Place, text: string, setting: string): void {
  let holder: Plain = item;
  for (const key of path.slice(0, -1)) {
    if (!isPlain(holder[key])) holder[key] = {};
    holder = holder[key] as Plain;
  }
  const last = path.at(-1) ?? "";
  if (path.some((key) => key === "" || key === "__proto__")) {
    throw new StudyError(`${setting} names no field`, { next: examples });
  }
  const value = valueFrom(text);
  // A number for a distribution is its mean; kind and cv stay.
  const before = holder[last];
  if (isPlain(before) && "meanMs" in before && typeof value === "number") before.meanMs = value;
  else holder[last] = value;
}

/** What to do when a field alone does not make the group it belongs to. */
function wholeGroup({ path: [group] }: Place, message: string): { next?: string } {
  const [, missing] = / must have a usable ([\w ]+)$/.exec(message) ?? [];
  if (missing === undefined) return {};
  const fields = missing.split(" and ").map((field) => `"${field}":…`);
  return { next: `give all of it at once, as JSON: '….${group}={${fields.join(",")},…}'` };
}

/** Numbers, true, false and lists as in JSON; anything else is text. */
function valueFrom(text: string): unknown {
  try {
    const value = JSON.parse(text);
    return value === null ? text : value;
  } catch {
    return text;
  }
}

function unknownField({ noun, item, path }: Place, architecture: Architecture, setting: string): StudyError {
  const original = architecture[`${noun}s`].find(({ id }) => id === item.id);
  const fields = fieldsOf(original as unknown as Plain);
  const options = optionPaths(noun);
  const near = nearest(path.join("."), [...new Set([...fields, ...options])], 3);
  const workload = architecture.workloads.find(
    ({ component, ...own }) => component === item.id && path.join(".") in own,
  );
  const elsewhere =
    noun === "component" && workload !== undefined ? `workload:${workload.id}.${path.join(".")}` : undefined;
  const meant = elsewhere ?? near.join(", ");
  const all = [...new Set([...fields, ...options.filter((option) => !option.includes("."))])].join(", ");
  return new StudyError(`${setting}: a ${noun} has no field "${path.join(".")}"`, {
    next: meant === "" ? `fields: ${all}` : `did you mean ${meant}? fields: ${all}`,
  });
}

function fieldsOf(item: Plain): string[] {
  return Object.entries(item).flatMap(([key, value]) =>
    isPlain(value) ? fieldsOf(value).map((inner) => `${key}.${inner}`) : [key],
  );
}

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
