import { text as readText } from "node:stream/consumers";
import type { Registry } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { defineCommand } from "citty";
import { CliError } from "../cli-error.ts";
import { commonArgs, parseDuration, repeatedOption } from "../command-line/options.ts";
import { readRegistry } from "../registry/instance-records.ts";
import { redisArgs, withRegistry } from "../registry/registry-access.ts";
import { findInstances, findMethod, instancesMatching, parseTarget } from "./call-target.ts";
import { formatCallError } from "./format-error.ts";
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
    ...redisArgs,
    ...commonArgs,
  },
  async run({ args, rawArgs }) {
    const target = parseTarget(args.method);
    const timeoutMs = parseDuration("--timeout", args.timeout);
    const headers = parseHeaders(repeatedOption(rawArgs, ["--header", "-H"]));
    const requestText = args.request === "-" ? await readText(process.stdin) : args.request;
    const { instances } = await withRegistry(args.redis, readRegistry);
    const found = findInstances(instances, target.service);
    const candidates =
      args.instance === undefined ? found.instances : instancesMatching(found.instances, args.instance);
    const instance = candidates.find(({ ports }) => ports.grpc !== undefined);
    if (instance === undefined) {
      throw new CliError(`no instance of ${found.typeName} names a grpc port`, {
        next: "`weft inspect` shows the records",
      });
    }
    const host = instance.address.includes(":") ? `[${instance.address}]` : instance.address;
    const baseUrl = `http://${host}:${instance.ports.grpc}`;
    const sessionManager = new Http2SessionManager(baseUrl);
    const transport = createGrpcTransport({ baseUrl, sessionManager });
    let registry: Registry | undefined;
    try {
      const files = await reflectService(transport, found.typeName, timeoutMs);
      registry = files;
      const service = files.getService(found.typeName);
      if (service === undefined) {
        throw new CliError(`${instance.instanceId} does not describe ${found.typeName}, which it says it serves`);
      }
      const method = findMethod(service, target.method);
      const requests = parseRequests(method, requestText, files);
      for await (const answer of callMethod(transport, method, requests, { headers, timeoutMs, registry: files })) {
        process.stdout.write(`${answer}\n`);
      }
    } catch (error) {
      if (!(error instanceof ConnectError)) {
        throw error;
      }
      throw new CliError(await formatCallError(error, registry), {
        cause: error,
        next: `called ${instance.instanceId} at ${baseUrl}; \`weft logs ${instance.name} --since 1m\` shows its side`,
      });
    } finally {
      sessionManager.abort();
    }
  },
});

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
