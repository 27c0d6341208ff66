import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProto } from "./print-proto.ts";

/*
 * Third-party .proto files, taken from the npm packages that carry them. They are not committed: their owners version
 * them, and the lock file pins what we compile against. One exists on npm only as the descriptor inside generated code,
 * and is printed from it. Files that are already right are left alone, so that two generators running at once do not
 * pull them from under each other.
 */

const { resolve } = createRequire(import.meta.url);

/** Path below the include root, and where an installed package keeps the file. */
const copied: Readonly<Record<string, string>> = {
  "google/api/annotations.proto": "protobufjs/google/api/annotations.proto",
  "google/api/http.proto": "protobufjs/google/api/http.proto",
  "grpc/health/v1/health.proto": "grpc-health-check/proto/health/v1/health.proto",
  "grpc/reflection/v1/reflection.proto": "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
};

/**
 * Fills `folder` with the third-party .proto files that ours import, each at its canonical path. Throws an Error naming
 * the package when one is not installed.
 */
export async function fillThirdPartyProtos(folder: string): Promise<void> {
  for (const [path, source] of Object.entries(copied)) {
    await writeIfChanged(join(folder, path), complete(path, await readPackageFile(source)));
  }
  const validate = file_buf_validate_validate.proto;
  await writeIfChanged(join(folder, validate.name), printProto(validate));
}

/**
 * The http.proto inside protobufjs is of 2016 and lacks one published field of HttpRule, response_body, that our routes
 * set. A copy that has it stays as it is.
 */
function complete(path: string, text: string): string {
  if (path !== "google/api/http.proto" || text.includes("response_body")) {
    return text;
  }
  const completed = text.replace(/(^ *)string body = 7;/m, "$&\n$1string response_body = 12;");
  if (completed === text) {
    throw new Error(`${path}: no place for response_body was found in it; look at what its package ships now`);
  }
  return completed;
}

async function readPackageFile(source: string): Promise<string> {
  try {
    return await readFile(resolve(source), "utf8");
  } catch (cause) {
    throw new Error(`${source} is not installed; run "npm install" and try again`, { cause });
  }
}

async function writeIfChanged(path: string, text: string): Promise<void> {
  const present = await readFile(path, "utf8").catch(() => undefined);
  if (present !== text) {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}
