import type { DescMethod, DescMethodStreaming, JsonValue, Message, Registry } from "@bufbuild/protobuf";
import { fromJson, toJson } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { CliError, describeError } from "../cli-error.ts";

/**
 * Reads the request messages of a call from JSON: one object, or for methods that take a stream a list of them. Throws
 * CliError saying what in the text does not fit the type.
 */
export function parseRequests(method: DescMethod, text: string, registry: Registry): Message[] {
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch (cause) {
    throw new CliError(`the request is not valid JSON: ${describeError(cause)}`, {
      cause,
      next: 'quote it for the shell, as in \'{"name":"value"}\', or pass - and pipe it in',
    });
  }
  const takesStream = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  const values = takesStream && Array.isArray(json) ? json : [json];
  return values.map((value) => {
    try {
      return fromJson(method.input, value, { registry });
    } catch (cause) {
      const fields = method.input.fields.map((field) => field.jsonName).join(", ");
      throw new CliError(`the request is no ${method.input.typeName}: ${describeError(cause)}`, {
        cause,
        next: `its fields: ${fields === "" ? "none" : fields}`,
      });
    }
  });
}

export interface InvokeOptions {
  readonly headers: Headers;
  readonly timeoutMs: number;
  readonly registry: Registry;
}

/** Calls a method of any kind and yields its answers as JSON text, one per message. */
export async function* callMethod(
  transport: Transport,
  method: DescMethod,
  requests: readonly Message[],
  { headers, timeoutMs, registry }: InvokeOptions,
): AsyncGenerator<string> {
  async function* input() {
    yield* requests;
  }
  // On the gRPC wire a unary call is a stream of one message, so one way of calling serves every kind of method.
  const { message } = await transport.stream(method as DescMethodStreaming, undefined, timeoutMs, headers, input());
  for await (const answer of message) {
    yield JSON.stringify(toJson(method.output, answer, { registry }), null, 2);
  }
}
