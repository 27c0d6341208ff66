import type { DescMethod, DescMethodServerStreaming, DescMethodUnary, DescService } from "@bufbuild/protobuf";
import { accessOf } from "@weft/auth/verifier";
import { Access } from "@weft/proto/weft/options/v1/access_pb.ts";

/** A peer of the mesh and the protobuf services it serves. */
export interface Upstream {
  readonly peer: string;
  readonly services: readonly DescService[];
}

/** The kinds of method the gateway can pass on: the request is one message. */
export type ExposedMethod = DescMethodUnary | DescMethodServerStreaming;

/** Whether clients outside of the mesh may call the method: only what is marked PUBLIC or USER. */
export function isExposed(method: DescMethod): boolean {
  const access = accessOf(method);
  return access === Access.PUBLIC || access === Access.USER;
}

/** All methods that clients may call. Throws, naming it, for one whose requests are streams. */
export function exposedMethods(services: readonly DescService[]): ExposedMethod[] {
  const methods = services.flatMap((service) => service.methods).filter(isExposed);
  const streaming = methods.find(({ methodKind }) => methodKind !== "unary" && methodKind !== "server_streaming");
  if (streaming !== undefined) {
    throw new Error(
      `${streaming.parent.typeName}.${streaming.name} streams its requests; the gateway cannot expose it`,
    );
  }
  return methods as ExposedMethod[];
}
