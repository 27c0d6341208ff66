import type { DescMethodUnary, Message } from "@bufbuild/protobuf";
import { type Empty, EmptySchema } from "@bufbuild/protobuf/wkt";
import type { HandlerContext } from "@connectrpc/connect";

/*
 * Messages that a proxy passes on without reading them. An opaque message is a google.protobuf.Empty: none of its fields are
 * known, so reading it only tells where each outermost field ends, and all are written again as they came, which protobuf
 * promises for fields that a schema does not have. Codecs, transports and lanes need to know nothing of it.
 *
 * Only plain gRPC can be passed on like this: JSON has to be made of messages that are understood, and the other protocols
 * may carry it. A route therefore has two handlers, and the opaque one serves unary calls of plain gRPC and of lanes.
 */

/** Handles a call whose message was not read. */
export type OpaqueHandler = (message: Empty, context: HandlerContext) => Promise<Message>;

const opaqueHandler = Symbol("opaque handler");

/** What options of a route hold beside Connect's. */
export interface OpaqueRouteOptions {
  readonly [opaqueHandler]?: OpaqueHandler;
}

/** Options for a unary route: `router.rpc(method, handler, { ...opaqueRoute(other) })`. */
export function opaqueRoute(handler: OpaqueHandler): OpaqueRouteOptions {
  return { [opaqueHandler]: handler };
}

export function opaqueHandlerOf(options: OpaqueRouteOptions | undefined): OpaqueHandler | undefined {
  return options?.[opaqueHandler];
}

/** The method with opaque messages, to be called with what an opaque handler was given. */
export function opaqueMethod(method: DescMethodUnary): DescMethodUnary<typeof EmptySchema, typeof EmptySchema> {
  return { ...method, input: EmptySchema, output: EmptySchema };
}
