import { type DescMessage, type DescMethod, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { restBindingsOfMethod } from "@weft/transcoding";
import { rest, type System } from "../system.ts";
import { leakIn } from "./judge.ts";
import { pathOf } from "./mass-assignment.ts";
import { endWhatBegan, goodRequest, publicMethods, type World } from "./world.ts";

/*
 * Prototype pollution and parameter pollution, made from the descriptors of every method.
 *
 * The names that reach a prototype are put into every object that a request can have, at any depth: a message has no such
 * field and must be refused; in maps and structs they are keys like others, which change nothing but what they are in. A
 * parameter that is given twice, or in two places, has no one meaning and must be refused.
 */

/** Own members of these names, as a JSON parser makes them. */
const polluting = JSON.parse(
  '{"__proto__":{"planted":true},"constructor":{"prototype":{"planted":true}},"prototype":{"planted":true}}',
) as JsonObject;

interface Place {
  /** Names of fields from the request down; in a list, its first item. */
  readonly path: readonly { readonly name: string; readonly isList: boolean; readonly oneof: readonly string[] }[];
  /** What stands there: with these names in it. */
  readonly value: JsonObject;
  /** Whether any key is fine there. */
  readonly takesAnyKey: boolean;
}

/** What is wrong with how a method takes the names of prototypes. */
export async function faultsOfPrototypes(system: System, world: World, method: DescMethod): Promise<string[]> {
  const faults: string[] = [];
  const token = world.owner.accessToken;
  const binding = restBindingsOfMethod(method).find(({ bodyField }) => bodyField === "*");
  for (const place of [{ path: [], value: polluting, takesAnyKey: false }, ...placesOf(method.input, [])]) {
    const body = planted(goodRequest(method, world), place);
    const connect = { verb: "POST", path: `/${method.parent.typeName}/${method.name}`, rest: body, ignores: true };
    const bound = binding === undefined ? [] : [{ verb: binding.verb, ignores: false, ...pathOf(binding, body) }];
    // Connect leaves out what it does not know: once is enough, as there is no end of good requests to what costs much.
    for (const { verb, path, rest: message, ignores } of place.path.length === 0 ? [connect, ...bound] : bound) {
      const answer = await rest(system, verb, path, { token, body: JSON.stringify(message), headers: json });
      const where = `${verb} ${path}, in ${place.path.map(({ name }) => name).join(".") || "the request"}`;
      const text = JSON.stringify(answer.body);
      await endWhatBegan(system, world, method.name, answer.status, text);
      if (
        answer.status >= 500 ||
        (answer.status === 200 && !ignores && !place.takesAnyKey) ||
        leakIn(text) !== undefined
      ) {
        faults.push(`${where}: ${answer.status} ${text.slice(0, 300)}`);
      }
    }
  }
  return faults;
}

const json = { "content-type": "application/json" };
const maxDepth = 4;

/** Every place below a message where an object can stand. */
function placesOf(desc: DescMessage, path: Place["path"]): Place[] {
  if (path.length >= maxDepth) {
    return [];
  }
  return desc.fields.flatMap((field) => {
    const oneof = field.oneof?.fields.map(({ jsonName }) => jsonName).filter((name) => name !== field.jsonName) ?? [];
    const here = [...path, { name: field.jsonName, isList: field.fieldKind === "list", oneof }];
    if (field.fieldKind === "map") {
      const value = field.message === undefined ? scalarOf(field.scalar) : polluting;
      const keys = Object.keys(polluting).map((name) => [name, value] as const);
      return [{ path: here, value: Object.fromEntries(keys), takesAnyKey: true }];
    }
    if (field.message === undefined || path.some(({ name }) => name === field.jsonName)) {
      return [];
    }
    const isOpen = /^google\.protobuf\.(Struct|Value)$/.test(field.message.typeName);
    const place = { path: here, value: polluting, takesAnyKey: isOpen };
    return field.message.typeName.startsWith("google.protobuf.") && !isOpen
      ? []
      : [place, ...(isOpen ? [] : placesOf(field.message, here))];
  });
}

function scalarOf(scalar: ScalarType | undefined): JsonValue {
  return scalar === ScalarType.STRING ? "planted" : scalar === ScalarType.BOOL ? true : 1;
}

/** The request with a value at a place, and without the fields that would contradict it. */
function planted(good: JsonObject, { path, value }: Place): JsonObject {
  const [step, ...rest] = path;
  if (step === undefined) {
    return { ...good, ...value };
  }
  const { [step.name]: before, ...others } = good;
  for (const name of step.oneof) {
    delete others[name];
  }
  const item = step.isList && Array.isArray(before) ? before[0] : before;
  const inside = typeof item === "object" && item !== null && !Array.isArray(item) ? item : {};
  const changed = planted(inside, { path: rest, value, takesAnyKey: false });
  return { ...others, [step.name]: step.isList ? [changed] : changed };
}

/** What is wrong with how a method takes a parameter that is given twice, or beside what its path or body says. */
export async function faultsOfParameters(system: System, world: World, method: DescMethod): Promise<string[]> {
  const faults: string[] = [];
  const token = world.owner.accessToken;
  const good = goodRequest(method, world);
  for (const binding of restBindingsOfMethod(method)) {
    const { path, inPath, rest: others } = pathOf(binding, good);
    const inBody = binding.bodyField === "*";
    const fields = method.input.fields.filter(({ fieldKind }) => fieldKind === "scalar" || fieldKind === "enum");
    for (const { jsonName, scalar } of fields) {
      const value = String(
        good[jsonName] ?? (scalar === ScalarType.STRING ? "a" : scalar === ScalarType.BOOL ? "true" : 1),
      );
      const once = `${jsonName}=${encodeURIComponent(value)}`;
      // What the path or the body says already is said twice by saying it once more.
      const query = inPath.has(jsonName) || inBody ? once : `${once}&${once}`;
      const options = { token, ...(inBody ? { body: others } : {}) };
      const answer = await rest(system, binding.verb, `${path}?${query}`, options);
      if (answer.status !== 400) {
        faults.push(`${binding.verb} ${path}?${query}: ${answer.status}`);
      }
    }
  }
  return faults;
}

/** Methods that take anything from a client. */
export const methodsWithParameters: readonly DescMethod[] = publicMethods.filter(
  (method) => method.input.fields.length > 0 && restBindingsOfMethod(method).length > 0,
);
