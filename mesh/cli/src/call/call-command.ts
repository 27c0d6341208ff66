import { text as readText } from "node:stream/consumers";
import type { Registry } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import type { Instance } from "@weft/mesh/registry";
import { defineCommand } from "citty";
import { certificatesDirectory } from "../certs/certificates-directory.ts";
import { CliError } from "../cli-error.ts";
import { commonArgs, parseDuration, repeatedOption } from "../command-line/options.ts";
import { readRegistry } from "../registry/instance-records.ts";
import { redisArgs, withRegistry } from "../registry/registry-access.ts";
import { findInstances, findMethod, instancesMatching, parseTarget } from "./call-target.ts";
import { type Caller, readCaller } from "./caller-identity.ts";
import { formatCallError } from "./format-error.ts";
import { type InstanceConnection, openConnection } from "./instance-connection.ts";
import { callMethod, parseRequests } from "./invoke.ts";
import { reflectService } from "./reflect.ts";

export const callCommand = defineCommand({
  meta: {
    name: "call",
    description:
      "Call a method of any registered service. Its types are learnt from the service by reflection; " +
      'request and answer are JSON. Example: weft call AuthService/ValidateToken \'{"token":"…"}\'',
  },
  args: {
    method: { type: "positional", description: "Service/Method; the package may be left out", required: true },
    request: {
      type: "positional",
      description: "The request as JSON, - to read it from standard input",
      default: "{}",
    },
    header: { type: "string", alias: "H", description: "Request header, may be repeated", valueHint: "name=value" },
    instance: { type: "string", description: "Call this instance, or one of this service", valueHint: "gateway" },
    timeout: { type: "string", description: "Deadline of the call", default: "10s" },
    as: { type: "string", description: "With mTLS: call as this service, by its certificate", valueHint: "gateway" },
    certs: {
      type: "string",
      description: "Folder of certificates for --as; WEFT_CERTS_DIR or .weft/certs when absent",
      valueHint: "path",
    },
    ...redisArgs,
    ...commonArgs,
  },
  async run({ args, rawArgs }) {
    const target = parseTarget(args.method);
    const timeoutMs = parseDuration("--timeout", args.timeout);
    const headers = parseHeaders(repeatedOption(rawArgs, ["--header", "-H"]));
    const requestText = args.request === "-" ? await readText(process.stdin) : args.request;
    const caller =
      args.as === undefined ? undefined : await readCaller(args.as, certificatesDirectory(args.certs), Date.now());
    const { instances } = await withRegistry(args.redis, readRegistry);
    const found = findInstances(instances, target.service);
    const candidates =
      args.instance === undefined ? found.instances : instancesMatching(found.instances, args.instance);
    const instance = candidates.find(({ ports }) => ports.grpc !== undefined);
    if (instance?.ports.grpc === undefined) {
      throw new CliError(`no instance of ${found.typeName} names a grpc port`, {
        next: "`weft inspect` shows the records",
      });
    }
    const connection = openConnection(instance, instance.ports.grpc, caller);
    let registry: Registry | undefined;
    try {
      const files = await reflectService(connection.transport, found.typeName, timeoutMs);
      registry = files;
      const service = files.getService(found.typeName);
      if (service === undefined) {
        throw new CliError(`${instance.instanceId} does not describe ${found.typeName}, which it says it serves`);
      }
      const method = findMethod(service, target.method);
      const requests = parseRequests(method, requestText, files);
      for await (const answer of callMethod(connection.transport, method, requests, {
        headers,
        timeoutMs,
        registry: files,
      })) {
        process.stdout.write(`${answer}\n`);
      }
    } catch (error) {
      if (!(error instanceof ConnectError)) {
        throw error;
      }
      throw await failureOf(error, { instance, connection, caller, registry });
    } finally {
      connection.close();
    }
  },
});

interface FailedCall {
  readonly instance: Instance;
  readonly connection: InstanceConnection;
  readonly caller: Caller | undefined;
  readonly registry: Registry | undefined;
}

/** A failed call in words, with what to do about the two failures that are about who calls. */
async function failureOf(
  error: ConnectError,
  { instance, connection, caller, registry }: FailedCall,
): Promise<CliError> {
  // Before reflection answered nothing was said yet: the port may speak another protocol than we do.
  if (caller === undefined && registry === undefined && (await connection.speaksTls())) {
    return new CliError(
      `${instance.instanceId} takes calls from services only (mTLS is on), and this call has no identity`,
      {
        cause: error,
        next: "name the service to call as: --as <service>, such as --as gateway; its certificate is found in --certs, WEFT_CERTS_DIR or .weft/certs",
      },
    );
  }
  const as = caller === undefined ? "" : ` as ${caller.service}`;
  return new CliError(await formatCallError(error, registry), {
    cause: error,
    next: `called ${instance.instanceId} at ${connection.address}${as}; \`weft logs ${instance.name} --since 1m\` shows its side`,
  });
}

/** Reads "name=value" and "name: value". */
function parseHeaders(lines: readonly string[]): Headers {
  const headers = new Headers();
  for (const line of lines) {
    const [, name, value] = /^([A-Za-z0-9-]+)(?:=|:\s*)(.*)$/.exec(line) ?? [];
    if (name === undefined) {
      throw new CliError(`--header "${line}" is no header; write name=value`);
    }
    headers.append(name, value ?? "");
  }
  return headers;
}
