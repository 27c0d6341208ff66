import {
  type DescField,
  type DescMethod,
  fromJson,
  type JsonObject,
  type JsonValue,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { type RestBinding, restBindingsOfMethod } from "@weft/transcoding";
import { rest, type System } from "../system.ts";
import { goodRequest, publicMethods, type World } from "./world.ts";

/*
 * Every field that a resource has and the request that makes or changes it has not belongs to the server: whose it is, when
 * it was made, what one may do with it. They are read from the descriptors, so a new field is tried the day it is added.
 * Each is sent with a value that occurs nowhere else.
 */

const planted = { text: "planted-by-a-client", time: "2001-02-03T04:05:06Z", number: 424_242 } as const;
const tracesOfPlanted = /planted-by-a-client|2001-02-03|424242/;

/** Names that frameworks have been known to take, beside those of the resource. */
const alwaysTried = ["isAdmin", "roles", "passwordHash", "tenantId"];

export interface Assignment {
  readonly method: DescMethod;
  /** What the server owns, with planted values. */
  readonly owned: JsonObject;
  readonly fields: readonly DescField[];
}

/** google.protobuf.MethodOptions.NO_SIDE_EFFECTS. */
const noSideEffects = 1;

/** Every public method that may change something. */
export const changingMethods: readonly DescMethod[] = publicMethods.filter(
  ({ idempotency }) => idempotency !== noSideEffects,
);

/** What is tried with each of them. */
export function assignments(): Assignment[] {
  return changingMethods.map((method) => {
    const taken = new Set(method.input.fields.map(({ jsonName }) => jsonName));
    const resources = method.output.fields.flatMap(({ message, fieldKind }) =>
      message !== undefined && fieldKind === "message" ? message.fields : [],
    );
    const fields = [...method.output.fields, ...resources].filter(({ jsonName }) => !taken.has(jsonName));
    const owned = Object.fromEntries([
      ...fields.map((field) => [field.jsonName, plantedValue(field)] as const),
      ...alwaysTried.map((name) => [name, planted.text] as const),
    ]);
    return { method, owned, fields };
  });
}

/** A binding's path for a request, which of its fields are in it, and what is left for the query or the body. */
export function pathOf(
  binding: RestBinding,
  message: JsonObject,
): { readonly path: string; readonly inPath: ReadonlySet<string>; readonly rest: JsonObject } {
  const inPath = new Set([...binding.pathFields.keys()].map(camel));
  return {
    path: binding.template.text.replaceAll(/\{(\w+)[^}]*\}/g, (_, name: string) => String(message[camel(name)])),
    inPath,
    rest: Object.fromEntries(Object.entries(message).filter(([name]) => !inPath.has(name))),
  };
}

function plantedValue(field: DescField): JsonValue {
  if (field.fieldKind === "list") {
    return [];
  }
  if (field.message !== undefined) {
    return field.message.typeName === "google.protobuf.Timestamp" ? planted.time : {};
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return planted.text;
    case ScalarType.BOOL:
      return true;
    default:
      return planted.number;
  }
}

/** What is wrong with how a method takes fields that are not the client's; nothing when it refuses or ignores them all. */
export async function faultsOfAssignment(system: System, world: World, assignment: Assignment): Promise<string[]> {
  const { method, owned } = assignment;
  const good = goodRequest(method, world);
  const token = world.owner.accessToken;
  const faults: string[] = [];
  for (const binding of restBindingsOfMethod(method).filter(({ bodyField }) => bodyField !== "")) {
    const { path, inPath, rest: body } = pathOf(binding, good);
    const answer = await rest<Refusal>(system, binding.verb, path, { token, body: { ...body, ...owned } });
    const named =
      answer.body.details?.flatMap(({ fieldViolations }) => fieldViolations ?? []).map(({ field }) => field) ?? [];
    const unnamed = Object.keys(owned).filter((name) => !named.includes(name) && !inPath.has(name));
    if (answer.status !== 400 || unnamed.length > 0) {
      faults.push(`${binding.verb} ${path}: ${answer.status}, does not name ${unnamed.join(", ")}`);
    }
    const query = `${path}?${Object.keys(owned)[0]}=${planted.text}`;
    const asked = await rest<Refusal>(system, binding.verb, query, { token, body });
    if (asked.status === 200) {
      faults.push(`${binding.verb} ${query}: taken`);
    }
  }
  const target = `/${method.parent.typeName}/${method.name}`;
  const json = await rest(system, "POST", target, { token, body: { ...goodRequest(method, world), ...owned } });
  const bytes = binaryWith(assignment, goodRequest(method, world));
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/proto" };
  const binary = await fetch(`${system.address}${target}`, { method: "POST", headers, body: Buffer.from(bytes) });
  const answers = [JSON.stringify(json.body), Buffer.from(await binary.arrayBuffer()).toString("latin1")];
  if ([json.status, binary.status].some((status) => status >= 500)) {
    faults.push(`${target}: ${json.status}, ${binary.status}`);
  }
  return [...faults, ...answers.filter((text) => tracesOfPlanted.test(text)).map((text) => `${target}: ${text}`)];
}

interface Refusal {
  readonly details?: readonly { readonly fieldViolations?: readonly { readonly field: string }[] }[];
}

/** The bytes of a request, and behind them those fields of the resource whose numbers the request does not use. */
function binaryWith({ method, fields }: Assignment, good: JsonObject): Uint8Array {
  const used = new Set(method.input.fields.map(({ number }) => number));
  const extra = fields
    .filter(({ number, parent }) => !used.has(number) && parent !== method.output)
    .map((field) => {
      const value = plantedValue(field);
      const whole = Array.isArray(value) ? {} : { [field.jsonName]: value };
      return toBinary(field.parent, fromJson(field.parent, whole));
    });
  return Buffer.concat([toBinary(method.input, fromJson(method.input, good)), ...extra]);
}

/** What the server says of everything in the world that must not have changed. */
export async function ownedByServer(system: System, world: World): Promise<Record<string, JsonValue>> {
  const read = async (path: string, ...fields: readonly string[]): Promise<[string, JsonValue]> => {
    const { body } = await rest<JsonObject>(system, "GET", path, { token: world.owner.accessToken });
    const text = JSON.stringify(body);
    const trace = tracesOfPlanted.test(text) ? [text] : [];
    return [path, [...fields.map((field) => body[field] ?? null), ...trace]];
  };
  const run = ["id", "projectId", "projectVersion", "createdBy", "createdAt", "durationSeconds", "seed", "channel"];
  return Object.fromEntries(
    await Promise.all([
      read("/api/auth/profile", "id", "createdAt"),
      read(`/api/projects/${world.project}`, "id", "version", "ownerId", "role", "createdAt"),
      read(`/api/projects/${world.scratch}`, "id", "ownerId", "role", "createdAt"),
      read(`/api/templates/${world.template}`, "id", "system"),
      read(`/api/simulations/${world.running}`, ...run),
      read(`/api/simulations/${world.finished}`, ...run, "status", "startedAt", "finishedAt"),
      read(`/api/studies/${world.study}`, "id", "projectId", "projectVersion", "createdBy", "createdAt", "question"),
    ]),
  );
}

function camel(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
