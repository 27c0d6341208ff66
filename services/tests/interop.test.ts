import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { credentials, loadPackageDefinition, type ServiceClientConstructor } from "@grpc/grpc-js";
import { loadFileDescriptorSetFromBuffer } from "@grpc/proto-loader";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Account, root, type System, signUp, startSystem } from "./system.ts";

/*
 * Tools that share no code with us find out through reflection what every service offers, and call it.
 */

const run = promisify(execFile);
const buf = join(root, "node_modules/.bin/buf");

const services = [
  { name: "weft.auth.v1.AuthService", port: 9000, method: "GetJwks", request: {}, answer: /Ed25519/ },
  {
    name: "weft.user.v1.UserService",
    port: 12_000,
    method: "ValidateUserExists",
    request: { user_id: "nobody" },
    answer: /\{\}|exists/,
  },
  { name: "weft.project.v1.ProjectService", port: 10_000, method: "ListTemplates", request: {}, answer: /templates/ },
  {
    name: "weft.simulation.v1.SimulationService",
    port: 11_000,
    method: "GetSimulation",
    request: { id: "none" },
    answer: /not_found/,
  },
  { name: "weft.project.v1.ProjectService", port: 8004, method: "ListTemplates", request: {}, answer: /templates/ },
];

let system: System;
let account: Account;

beforeAll(async () => {
  // buf reads the schema from here, third-party files included.
  await run(process.execPath, [join(root, "proto/generate.ts"), "--check"]);
  system = await startSystem();
  account = await signUp(system);
});

afterAll(() => system?.stop());

describe("buf curl", () => {
  it.each(services)("lists and calls $name on $port", async ({ name, port, method, request, answer }) => {
    const address = `http://127.0.0.1:${port + system.portOffset}`;
    const flags = [
      "curl",
      "--http2-prior-knowledge",
      "--protocol",
      "grpc",
      "-H",
      `authorization: Bearer ${account.accessToken}`,
    ];
    const listed = await run(buf, [...flags, "--list-methods", address]);
    expect(listed.stdout).toContain(`${name}/${method}`);
    const called = await run(buf, [...flags, "--data", JSON.stringify(request), `${address}/${name}/${method}`]).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    expect(called.stdout + called.stderr).toMatch(answer);
  });

  it("speaks Connect over HTTP/1.1 and gRPC-Web to the gateway", async () => {
    for (const protocol of ["connect", "grpcweb"]) {
      const { stdout } = await run(buf, [
        "curl",
        "--protocol",
        protocol,
        "--schema",
        root,
        "-H",
        `authorization: Bearer ${account.accessToken}`,
        "--data",
        "{}",
        `${system.address}/weft.project.v1.ProjectService/ListProjects`,
      ]);
      expect(stdout).toContain("{}");
    }
  });
});

describe("a plain grpc-js client", () => {
  it.each(services)("lists and calls $name on $port", async ({ name, port, method, request, answer }) => {
    const address = `127.0.0.1:${port + system.portOffset}`;
    const client = new ReflectingClient(address);
    expect(await client.list()).toContain(name);
    const result = await client.call(name, method, request, account.accessToken);
    expect(JSON.stringify(result)).toMatch(answer);
    client.close();
  });
});

/** Knows nothing but the reflection service, and learns the rest from it. */
class ReflectingClient {
  readonly #address: string;
  readonly #open: { close(): void }[] = [];

  constructor(address: string) {
    this.#address = address;
  }

  async list(): Promise<string[]> {
    const answer = (await this.#reflect({ listServices: "" })) as {
      listServicesResponse: { service: { name: string }[] };
    };
    return answer.listServicesResponse.service.map((service) => service.name);
  }

  async call(service: string, method: string, request: unknown, token: string): Promise<unknown> {
    const answer = (await this.#reflect({ fileContainingSymbol: service })) as {
      fileDescriptorResponse: { fileDescriptorProto: Uint8Array[] };
    };
    const files = answer.fileDescriptorResponse.fileDescriptorProto.map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    const definition = loadFileDescriptorSetFromBuffer(
      Buffer.from(toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: inOrder(files) }))),
    );
    const loaded = service
      .split(".")
      .reduce<unknown>((scope, part) => (scope as Record<string, unknown>)[part], loadPackageDefinition(definition));
    const client = new (loaded as ServiceClientConstructor)(this.#address, credentials.createInsecure());
    this.#open.push(client);
    const { Metadata } = await import("@grpc/grpc-js");
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    return new Promise((resolve) => {
      const invoke = (client as unknown as Record<string, (...args: unknown[]) => void>)[method] as (
        ...args: unknown[]
      ) => void;
      invoke.call(
        client,
        request,
        metadata,
        { deadline: Date.now() + 60_000 },
        (error: { code: number; details: string } | null, result: unknown) =>
          resolve(
            error === null
              ? result
              : { code: error.code, details: error.details, name: error.code === 5 ? "not_found" : "" },
          ),
      );
    });
  }

  close(): void {
    for (const one of this.#open) {
      one.close();
    }
  }

  async #reflect(question: Record<string, unknown>): Promise<unknown> {
    const { loadSync } = await import("@grpc/proto-loader");
    const definition = loadSync(
      join(root, "node_modules/@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto"),
    );
    const loaded = loadPackageDefinition(definition) as unknown as {
      grpc: { reflection: { v1: { ServerReflection: ServiceClientConstructor } } };
    };
    const client = new loaded.grpc.reflection.v1.ServerReflection(this.#address, credentials.createInsecure());
    this.#open.push(client);
    return new Promise((resolve, reject) => {
      const stream = (
        client as unknown as { serverReflectionInfo(): NodeJS.ReadWriteStream & { write(value: unknown): void } }
      ).serverReflectionInfo();
      stream.on("data", resolve);
      stream.on("error", reject);
      stream.write(question);
      stream.end();
    });
  }
}

/** Files after those that they import, as a descriptor set must have them. */
function inOrder(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const ordered = new Set<FileDescriptorProto>();
  const visit = (name: string): void => {
    const file = byName.get(name);
    if (file !== undefined && !ordered.has(file)) {
      file.dependency.forEach(visit);
      ordered.add(file);
    }
  };
  for (const { name } of files) {
    visit(name);
  }
  return [...ordered];
}
