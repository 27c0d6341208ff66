import { hash } from "node:crypto";
import type { JsonObject, JsonValue, Message } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { Validator } from "@seriousme/openapi-schema-validator";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { ApiKeyService } from "@weft/proto/weft/auth/v1/api_key_service_pb.ts";
import { AuditService } from "@weft/proto/weft/auth/v1/audit_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { FactorService } from "@weft/proto/weft/auth/v1/factor_service_pb.ts";
import { ProviderService } from "@weft/proto/weft/auth/v1/provider_service_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { StudyService } from "@weft/proto/weft/simulation/v1/study_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { restBindingsOfMethod } from "@weft/transcoding";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isExposed } from "../src/upstream/exposed-methods.ts";
import { fullMessage } from "./full-message.ts";
import { type GatewayHarness, startGateway } from "./gateway-harness.ts";
import { nearMissesOf, valuesOf } from "./schema-samples.ts";

const peers = {
  "auth-service": [AuthService, AccountService, ApiKeyService, FactorService, ProviderService, AuditService],
  "user-service": [UserService],
  "project-service": [ProjectService],
  "simulation-service": [SimulationService, StudyService],
};
const services = Object.values(peers).flat();

/** How many requests are made up for each operation. */
const requestsEach = 2;
const nearMissesEach = 4;

/** What a schema cannot say and the message of its rule does: made up by who reads it. */
const readByPeople: Readonly<Record<string, JsonObject>> = {
  ProjectService_AddMember: { username: "ada", role: "viewer" },
};

type Operation = { readonly verb: string; readonly path: string; readonly operation: JsonObject };

let gateway: GatewayHarness;
let document: JsonObject;
let operations: readonly Operation[];
let ajv: Ajv2020;

beforeAll(async () => {
  gateway = await startGateway({ peers, routes });
  document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as JsonObject;
  operations = Object.entries(document.paths as JsonObject).flatMap(([path, item]) =>
    Object.entries(item as JsonObject).map(([verb, operation]) => ({
      verb: verb.toUpperCase(),
      path,
      operation: operation as JsonObject,
    })),
  );
  ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true, strictRequired: false });
  addFormats.default(ajv);
  for (const format of ["int32", "uint32", "int64", "uint64", "float", "double", "password"]) {
    ajv.addFormat(format, true);
  }
  ajv.addVocabulary(["openapi", "info", "servers", "tags", "paths", "components"]);
  ajv.addSchema(document, "openapi.json");
});

afterAll(() => gateway.stop());

/** Every method answers with something in every field. */
function routes(router: ConnectRouter): void {
  for (const service of services) {
    const methods = service.methods.map((method) => [method.localName, () => fullMessage(method.output)]);
    router.service(service, Object.fromEntries(methods) as Record<string, () => Message>);
  }
}

/** Why a value is not what the document says at a place of it; nothing when it is. */
function faultsOf(value: JsonValue, ...place: readonly string[]): unknown {
  const pointer = place.map((step) => `/${step.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
  const check = ajv.getSchema(`openapi.json#${encodeURI(pointer)}`);
  if (check === undefined) {
    throw new Error(`the document has nothing at ${pointer}`);
  }
  return check(value) ? undefined : check.errors?.map(({ instancePath, message }) => `${instancePath} ${message}`);
}

function call({ verb, path }: Operation, sent: Sent, token: string | null = "alice") {
  const target = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(sent.path[name])));
  const query = new URLSearchParams(sent.query.map(([name, value]): [string, string] => [name, String(value)]));
  return fetch(`${gateway.url}${target}?${query}`, {
    method: verb,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(sent.body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(sent.body === undefined ? {} : { body: JSON.stringify(sent.body) }),
  });
}

type Sent = {
  readonly path: Readonly<Record<string, JsonValue>>;
  readonly query: readonly (readonly [string, JsonValue])[];
  readonly body: JsonValue | undefined;
};

/** Requests as the document describes them. */
function requestsTo({ operation }: Operation): fc.Arbitrary<Sent> {
  const parameters = (operation.parameters ?? []) as readonly JsonObject[];
  const of = (place: string) => parameters.filter((parameter) => parameter.in === place);
  const model = (all: readonly JsonObject[]) =>
    fc.record(
      Object.fromEntries(all.map(({ name, schema }) => [String(name), valuesOf(schema as JsonObject, document)])),
      { requiredKeys: all.filter(({ required }) => required === true).map(({ name }) => String(name)) },
    ) as fc.Arbitrary<Record<string, JsonValue>>;
  const schema = bodySchema(operation);
  const body = schema === undefined ? fc.constant(undefined) : valuesOf(schema, document);
  const override = readByPeople[String(operation.operationId)];
  return fc.record({
    path: model(of("path")),
    query: model(of("query")).map((values) =>
      Object.entries(values).flatMap(([name, value]) => [value].flat().map((each) => [name, each] as const)),
    ),
    body: override === undefined ? body : fc.constant(override),
  });
}

function bodySchema(operation: JsonObject): JsonObject | undefined {
  const body = operation.requestBody as
    | { readonly content: Record<string, { readonly schema: JsonObject }> }
    | undefined;
  return body?.content["application/json"]?.schema;
}

describe("the document of the API", () => {
  it("is an OpenAPI 3.1 document, says one who checks such documents", async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toMatchObject({ valid: true });
    expect(validator.version).toBe("3.1");
  });

  it("has every route that clients may use, and no other", () => {
    const bindings = services
      .flatMap((service) => service.methods)
      .filter(isExposed)
      .flatMap(restBindingsOfMethod);
    const shape = (verb: string, path: string) => `${verb} ${path.replaceAll(/\{[^}]*\}/g, "{}")}`;
    const routes = bindings.map(({ verb, template }) => shape(verb, template.text));
    expect(operations.map(({ verb, path }) => shape(verb, path)).sort()).toEqual(routes.sort());
  });

  it("has a schema behind every name, each of which can be used", () => {
    for (const name of Object.keys((document.components as JsonObject).schemas as JsonObject)) {
      expect(() => ajv.compile({ $ref: `openapi.json#/components/schemas/${name}` })).not.toThrow();
    }
  });

  it("says of every operation who may call it", async () => {
    for (const each of operations) {
      const [sent] = fc.sample(requestsTo(each), { seed: 1, numRuns: 1 });
      const response = await call(each, sent as Sent, null);
      const secured = (each.operation.security as readonly unknown[]).length > 0;
      expect([each.path, response.status]).toEqual([each.path, secured ? 401 : 200]);
      if (secured) {
        expect(each.operation.responses).toHaveProperty("401");
        expect(faultsOf((await response.json()) as JsonValue, "components", "schemas", "Error")).toBeUndefined();
      }
    }
  });

  it("says of every operation which scope opens it to API keys, and names no key where it is closed to them", async () => {
    const page = await (await fetch(`${gateway.url}/docs`)).text();
    const schemesOf = (id: string) =>
      operations.find(({ operation }) => operation.operationId === id)?.operation.security;
    expect(schemesOf("ProjectService_GetProject")).toEqual([{ accessToken: [] }, { apiKey: ["projects.read"] }]);
    expect(schemesOf("AccountService_ListSessions")).toEqual([{ accessToken: [] }]);
    expect(page).toContain("With an access token, or an API key with the scope projects.read.");
    expect(page).toContain("With an access token; not with an API key.");
  });

  it("describes requests that are taken and the answers they get, operation by operation", async () => {
    for (const each of operations) {
      for (const sent of fc.sample(requestsTo(each), { seed: 20_261_121, numRuns: requestsEach })) {
        const response = await call(each, sent);
        const answer = (await response.json()) as JsonValue;
        const told = { operation: `${each.verb} ${each.path}`, sent };
        expect({ ...told, status: response.status, answer: response.ok || answer }).toEqual({
          ...told,
          status: 200,
          answer: true,
        });
        const place = [
          "paths",
          each.path,
          each.verb.toLowerCase(),
          "responses",
          "200",
          "content",
          "application/json",
          "schema",
        ];
        expect({ ...told, faults: faultsOf(answer, ...place) }).toEqual({ ...told, faults: undefined });
      }
    }
  }, 300_000);

  it("is no stricter than the services: what is taken is what is described", async () => {
    const seen = { taken: 0, refused: 0 };
    for (const each of operations.filter(({ operation }) => bodySchema(operation) !== undefined)) {
      const place = [
        "paths",
        each.path,
        each.verb.toLowerCase(),
        "requestBody",
        "content",
        "application/json",
        "schema",
      ];
      const near = requestsTo(each).chain((sent) => nearMissesOf(sent.body ?? {}).map((body) => ({ ...sent, body })));
      for (const sent of fc.sample(near, { seed: 3, numRuns: nearMissesEach })) {
        const response = await call(each, sent);
        await response.arrayBuffer();
        seen[response.ok ? "taken" : "refused"]++;
        const faults = response.ok ? faultsOf(sent.body, ...place) : undefined;
        expect({ operation: `${each.verb} ${each.path}`, sent, faults }).toMatchObject({ faults: undefined });
      }
    }
    expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(20);
  }, 300_000);

  it("describes every object of a request to its last field: one more is refused", async () => {
    for (const each of operations.filter(({ operation }) => bodySchema(operation) !== undefined)) {
      const [sent] = fc.sample(requestsTo(each), { seed: 2, numRuns: 1 }) as [Sent];
      const response = await call(each, { ...sent, body: { ...(sent.body as JsonObject), "no such field": 1 } });
      const answer = (await response.json()) as {
        readonly details: readonly { readonly fieldViolations?: readonly { readonly field: string }[] }[];
      };
      expect([each.path, response.status]).toEqual([each.path, 400]);
      expect(faultsOf(answer as unknown as JsonValue, "components", "schemas", "Error")).toBeUndefined();
      expect(answer.details.flatMap(({ fieldViolations }) => fieldViolations ?? [])[0]?.field).toBe("no such field");
    }
  });

  it("explains: methods, fields and services have the words of their .proto", () => {
    const text = JSON.stringify(document);
    expect(text).toContain("Accounts and sessions, for clients.");
    expect(text).toContain("50 when absent.");
    expect(text).not.toContain("buf:lint");
  });
});

describe("the pages of the API", () => {
  it.each(["/openapi.json", "/docs"])("are known again by their tag: %s", async (path) => {
    const first = await fetch(`${gateway.url}${path}`);
    expect([first.status, first.headers.get("cache-control")]).toEqual([200, "no-cache"]);
    const tag = first.headers.get("etag") ?? "";
    expect(tag).toMatch(/^"[\w-]+"$/);
    const again = await fetch(`${gateway.url}${path}`, { headers: { "if-none-match": `"other", W/${tag}` } });
    expect([again.status, again.headers.get("etag"), await again.text()]).toEqual([304, tag, ""]);
    const head = await fetch(`${gateway.url}${path}`, { method: "HEAD" });
    expect([head.status, head.headers.get("etag"), await head.text()]).toEqual([200, tag, ""]);
    expect((await fetch(`${gateway.url}${path}`, { method: "POST" })).status).toBe(405);
    await first.text();
  });

  it("are a page that runs nothing, loads nothing and has its style allowed by hash", async () => {
    const response = await fetch(`${gateway.url}/docs`);
    const page = await response.text();
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? "";
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("content-security-policy")).toBe(
      `default-src 'none'; style-src 'sha256-${hash("sha256", style, "base64")}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    expect(page).not.toMatch(/<script|<img|<link|<iframe|\son\w+=|\sstyle=|(?:src|href)="(?!#|\/openapi\.json")/i);
  });

  it("are a page with every operation and every schema, whose links lead somewhere", async () => {
    const page = await (await fetch(`${gateway.url}/docs`)).text();
    const ids = new Set([...page.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id));
    for (const { operation } of operations) {
      expect(ids).toContain(operation.operationId);
    }
    for (const [, target] of page.matchAll(/href="#([^"]+)"/g)) {
      expect(ids).toContain(target);
    }
  });
});

it("tells a client by OPTIONS what a path takes", async () => {
  const allowOf = async (path: string) =>
    (await fetch(`${gateway.url}${path}`, { method: "OPTIONS" })).headers.get("allow");
  expect(await allowOf("/api/projects")).toBe("GET, HEAD, POST, OPTIONS");
  expect(await allowOf("/docs")).toBe("GET, HEAD, OPTIONS");
  expect(await allowOf("/nothing/here")).toBeNull();
});
