import { once } from "node:events";
import { createServer, type Server } from "node:net";
import type { DescField, DescMessage, DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { rest, type System } from "../system.ts";
import { endWhatBegan, goodRequest, publicMethods, type World } from "./world.ts";

/*
 * An address that nobody has a reason to call, named in every text that a request can have: in each field of each method, at
 * any depth, in imported files and in headers. Whoever calls it can be made to call others, inside the network (SSRF).
 */

export interface Canary {
  readonly url: string;
  /** How many have called. */
  readonly calls: number;
  close(): Promise<void>;
}

export async function startCanary(): Promise<Canary> {
  let calls = 0;
  const server: Server = createServer((socket) => {
    calls += 1;
    socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/canary`,
    get calls() {
      return calls;
    },
    close: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

/** Sends every request that can name the address. Gives how many. */
export async function nameEverywhere(system: System, world: World, url: string): Promise<number> {
  const token = world.owner.accessToken;
  let sent = 0;
  const send = async (path: string, body: JsonValue, headers: Record<string, string> = {}): Promise<void> => {
    sent += 1;
    const answer = await rest(system, "POST", path, { token, body, headers });
    await endWhatBegan(system, world, path.split("/").at(-1) ?? "", answer.status, JSON.stringify(answer.body));
  };
  const sendAll = async (method: DescMethod): Promise<void> => {
    for (const fields of textsOf(method.input, [])) {
      await send(`/${method.parent.typeName}/${method.name}`, withText(goodRequest(method, world), fields, url));
    }
  };
  await Promise.all(publicMethods.map(sendAll));
  for (const [format, content] of importsOf(url)) {
    await send("/api/projects:import", { name: "imported", format, content });
  }
  const forwarded = { forwarded: `host=${url};for=${url}`, "x-forwarded-host": url, "x-original-url": url };
  await send("/api/projects", { name: "made" }, { ...forwarded, referer: url, "x-webhook-url": url, location: url });
  const header = Buffer.from(JSON.stringify({ alg: "EdDSA", kid: url, jku: url, x5u: url, typ: "at+jwt" }));
  await rest(system, "GET", "/api/auth/profile", { token: `${header.toString("base64url")}.e30.AA` });
  return sent + 1;
}

type Path = readonly DescField[];

const maxDepth = 4;

/** The way to every text below a message. */
function textsOf(desc: DescMessage, path: Path): Path[] {
  return desc.fields.flatMap((field) => {
    if (field.fieldKind === "map") {
      return [];
    }
    if (field.message !== undefined) {
      const isKnown = field.message.typeName.startsWith("google.protobuf.") || path.includes(field);
      return isKnown || path.length >= maxDepth ? [] : textsOf(field.message, [...path, field]);
    }
    // descriptor.proto numbers the type string 9.
    return Number(field.scalar) === 9 ? [[...path, field]] : [];
  });
}

function withText(message: JsonObject, [field, ...rest]: Path, text: string): JsonObject {
  if (field === undefined) {
    return message;
  }
  const others = { ...message };
  for (const { jsonName } of field.oneof?.fields ?? []) {
    delete others[jsonName];
  }
  const before = message[field.jsonName];
  const first = Array.isArray(before) ? before[0] : before;
  const inside = typeof first === "object" && first !== null && !Array.isArray(first) ? first : {};
  const value = rest.length === 0 ? text : withText(inside, rest, text);
  return { ...others, [field.jsonName]: field.fieldKind === "list" ? [value] : value };
}

function importsOf(url: string): [format: string, content: string][] {
  const service = { image: `${url}/image`, build: url, env_file: url, extends: { file: url, service: "a" } };
  return [
    ["COMPOSE", JSON.stringify({ include: [url], services: { a: service }, configs: { c: { file: url } } })],
    ["COMPOSE", `services:\n  a: !include ${url}\n  b:\n    image: "\${X:-${url}}"\n    environment: [API=${url}]\n`],
    ["KUBERNETES", `apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {externalName: "${url}"}\n`],
    ["WEFT", JSON.stringify({ $ref: url, $schema: url, components: [{ id: "a", kind: "external", name: url }] })],
  ];
}
