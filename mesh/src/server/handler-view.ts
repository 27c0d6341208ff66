import type { DescMethodUnary, DescService, Message } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues, type HandlerContext, type UnaryRequest } from "@connectrpc/connect";
import { peerAddressKey } from "./peer-address.ts";
import type { ServerCall } from "./server-call.ts";

/**
 * What a handler sees of its call: Connect's HandlerContext, made of our call. Headers, the signal and context values are
 * made when they are asked for, because most handlers ask for none of them. A handler cannot tell lanes from plain gRPC.
 */
export class HandlerView implements HandlerContext {
  readonly #call: ServerCall;
  readonly #request: UnaryRequest | undefined;
  #values: ContextValues | undefined;

  /** `request` is what the interceptors made of the call, where there are some. */
  constructor(call: ServerCall, request?: UnaryRequest) {
    this.#call = call;
    this.#request = request;
  }

  get method(): DescMethodUnary {
    return this.#call.served.desc;
  }

  get service(): DescService {
    return this.#call.served.desc.parent;
  }

  get signal(): AbortSignal {
    return this.#request?.signal ?? this.#call.signal;
  }

  get timeoutMs(): () => number | undefined {
    return () => this.#call.timeLeftMs();
  }

  get requestMethod(): string {
    return "POST";
  }

  get requestHeader(): Headers {
    return this.#request?.header ?? this.#call.requestHeader;
  }

  get responseHeader(): Headers {
    return this.#call.responseHeader;
  }

  get responseTrailer(): Headers {
    return this.#call.responseTrailer;
  }

  get protocolName(): string {
    return "grpc";
  }

  get url(): string {
    return urlOf(this.#call);
  }

  get values(): ContextValues {
    this.#values ??= this.#request?.contextValues ?? createContextValues().set(peerAddressKey, this.#call.peerAddress);
    return this.#values;
  }
}

/** What interceptors see: an object that they may copy, whose own properties are made when they are asked for. */
export function requestView(call: ServerCall, message: Message): UnaryRequest {
  let values: ContextValues | undefined;
  return {
    stream: false,
    service: call.served.desc.parent,
    method: call.served.desc,
    requestMethod: "POST",
    url: urlOf(call),
    get signal() {
      return call.signal;
    },
    get header() {
      return call.requestHeader;
    },
    get contextValues() {
      values ??= createContextValues();
      return values;
    },
    message,
  } as UnaryRequest;
}

function urlOf(call: ServerCall): string {
  return `http://localhost/${call.served.name}`;
}
