import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type DescService,
  isMessage,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createContextKey,
  type HandlerContext,
  type Interceptor,
  type ServiceImpl,
  type UnaryRequest,
  type UnaryResponse,
} from "@connectrpc/connect";
import { codecFor } from "../codec/codec-for.ts";
import type { MessageCodec } from "../codec/message-codec.ts";
import { metricNames } from "../diagnostics.ts";
import type { FrameWidths } from "../lane/frames.ts";
import type { CallRecorder } from "../metrics/call-recorder.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { HandlerView, requestView } from "./handler-view.ts";
import { type OpaqueRouteOptions, opaqueHandlerOf, opaqueMethod } from "./opaque-route.ts";
import type { ServerCall } from "./server-call.ts";
import { messageValidator } from "./validate.ts";

/**
 * A unary method with all that its calls need, prepared once: codecs, validation, metrics, and the handler with the
 * service's interceptors around it. Lanes and plain gRPC find it by name and run it; what they share is here.
 */
export class ServedMethod implements FrameWidths {
  readonly desc: DescMethodUnary;
  /** "package.Service/Method". */
  readonly name: string;
  readonly request: MessageCodec;
  readonly response: MessageCodec;
  readonly recorder: CallRecorder;
  /** Answered in any overload: part of answering calls that were let in already. */
  readonly exempt: boolean;
  /** Throws for a message that breaks the rules of its .proto; undefined when there are none. */
  readonly validate: ((message: Message) => void) | undefined;
  /** Decides about a call before its message is decoded (Connect's `requestGate`); undefined when all may pass. */
  readonly gate: RequestGate | undefined;
  /** Runs handler and interceptors; may answer at once. */
  readonly invoke: (message: Message, call: ServerCall) => unknown;
  /** Lengths of its last answer (lane/frames.ts). */
  messageWidth = 1;
  frameWidth = 1;

  constructor(
    desc: DescMethodUnary,
    handler: UnaryHandler,
    interceptors: readonly Interceptor[],
    metrics: Metrics,
    { exempt = false, gate }: { readonly exempt?: boolean; readonly gate?: RequestGate | undefined } = {},
  ) {
    this.exempt = exempt;
    this.gate = gate;
    this.desc = desc;
    this.name = `${desc.parent.typeName}/${desc.name}`;
    this.request = codecFor(desc.input);
    this.response = codecFor(desc.output);
    this.validate = messageValidator(desc.input);
    this.recorder = metrics.callRecorder(metricNames.serverCalls, metricNames.serverCallSeconds, {
      method: this.name,
    });
    this.invoke = interceptors.length === 0 ? direct(handler) : intercepted(desc, handler, interceptors);
  }
}

export type RequestGate = (context: HandlerContext) => Promise<void> | void;

export type UnaryHandler = (message: Message, context: HandlerContext) => unknown;

function direct(handler: UnaryHandler): ServedMethod["invoke"] {
  return (message, call) => handler(message, new HandlerView(call));
}

/** Which of our calls a request that went through interceptors belongs to. */
const callKey = createContextKey<ServerCall | undefined>(undefined, { description: "the call of the mesh" });

/** The chain is made once; what it needs to know of a call travels in the request, as Connect has it. */
function intercepted(
  { output }: DescMethodUnary,
  handler: UnaryHandler,
  interceptors: readonly Interceptor[],
): ServedMethod["invoke"] {
  const innermost = async (request: UnaryRequest): Promise<UnaryResponse> => {
    const call = request.contextValues.get(callKey) as ServerCall;
    const context = new HandlerView(call, request);
    const result = await handler(request.message, context);
    // Handlers may return what a message can be made of; interceptors see the message.
    const message = isMessage(result, output) ? result : create(output, result as MessageInitShape<DescMessage>);
    return {
      stream: false,
      service: request.service,
      method: request.method,
      message,
      header: context.responseHeader,
      trailer: context.responseTrailer,
    };
  };
  const chain = interceptors.reduceRight<(request: UnaryRequest) => Promise<unknown>>(
    (next, interceptor) => interceptor(next as Parameters<Interceptor>[0]) as typeof next,
    innermost,
  );
  return async (message, call) => {
    const request = requestView(call, message);
    request.contextValues.set(callKey, call);
    const response = (await chain(request)) as UnaryResponse;
    call.takeResponseHeaders(response.header, response.trailer);
    return response.message;
  };
}

/**
 * The unary methods of a service by name, with their handlers: what Connect's router would make universal handlers of, kept
 * as they were written. Methods without a handler answer UNIMPLEMENTED.
 */
export function servedMethods(
  routes: (router: ConnectRouter) => void,
  interceptors: readonly Interceptor[],
  metrics: Metrics,
): ReadonlyMap<string, ServedMethod> {
  const methods = new Map<string, ServedMethod>();
  const add = (desc: DescMethodUnary, handler: UnaryHandler, options: RouteOptions | undefined): void => {
    const own = options?.interceptors ?? interceptors;
    const others = { gate: options?.requestGate };
    const opaque = opaqueHandlerOf(options) as UnaryHandler | undefined;
    const method =
      opaque === undefined
        ? new ServedMethod(desc, handler, own, metrics, others)
        : new ServedMethod(opaqueMethod(desc), opaque, own, metrics, others);
    methods.set(method.name, method);
  };
  const router: ConnectRouter = {
    handlers: [],
    service: (service: DescService, implementation: Partial<ServiceImpl<DescService>>, options) => {
      for (const desc of service.methods) {
        if (desc.methodKind === "unary") {
          const handler = (implementation as Record<string, unknown>)[desc.localName];
          const bound = typeof handler === "function" ? (handler.bind(implementation) as UnaryHandler) : undefined;
          add(desc as DescMethodUnary, bound ?? unimplemented(desc.name), options);
        }
      }
      return router;
    },
    rpc: (desc, implementation, options) => {
      if (desc.methodKind === "unary") {
        add(desc as unknown as DescMethodUnary, implementation as unknown as UnaryHandler, options);
      }
      return router;
    },
  };
  routes(router);
  return methods;
}

/** What may be said at a route and counts here. */
type RouteOptions = Parameters<ConnectRouter["service"]>[2] & OpaqueRouteOptions;

function unimplemented(name: string): UnaryHandler {
  return () => {
    throw new ConnectError(`${name} is not implemented`, Code.Unimplemented);
  };
}
