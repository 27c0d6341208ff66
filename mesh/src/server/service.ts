import type { IncomingMessage, ServerResponse } from "node:http";
import type { ConnectRouter, Interceptor } from "@connectrpc/connect";
import type { AdmissionOptions } from "../admission/admission-options.ts";
import type { PeerDeclarations } from "../client/peers.ts";
import type { Clock } from "../clock.ts";
import type { CallerPolicy } from "../identity/authorization.ts";
import type { Logger } from "../logger.ts";
import type { Random } from "../random.ts";
import type { Instance } from "../registry/registry.ts";
import type { HealthMonitor } from "./health.ts";
import type { Mesh } from "./mesh.ts";
import type { Listener } from "./ports.ts";
import type { Uses } from "./uses.ts";

/*
 * What a service is made of: what it says of itself, the parts that its set-up makes, and what it is while it runs.
 */

export interface ServiceOptions {
  /** The name in the registry: "auth-service". */
  readonly name: string;
  readonly version: string;
  /** First port of the service's range. */
  readonly basePort: number;
  /** Named ports and their offsets in an instance's block; grpc 0, http 1, metrics 2, health 3 when absent. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Size of an instance's block; 4 when absent. */
  readonly portsPerInstance?: number;
  /** Which services this one calls; others cannot be called (MESH-21). */
  readonly peers?: PeerDeclarations;
  /**
   * Which services may call which RPC, enforced while mTLS is on; every service of the mesh may call everything when absent.
   * Checked in any case (identity/authorization.ts).
   */
  readonly callers?: CallerPolicy;
  /** How the service protects itself from overload; safe defaults when absent, `false` for not at all. */
  readonly admission?: AdmissionOptions | false;
  /** What else it depends on; checked at the start, and nothing else can be used then (MESH-21). */
  readonly uses?: Uses;
  /** Makes the service from its handles; no port is open yet. */
  readonly setup: (mesh: Mesh) => Promise<ServiceParts> | ServiceParts;
  /** The process's environment when absent. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  /** Whether SIGTERM and SIGINT drain and end the process; true when absent. */
  readonly handleSignals?: boolean;
}

export interface ServiceParts {
  /** Registers the service's RPCs: served as gRPC, Connect and gRPC-Web, and as REST where google.api.http says so. */
  readonly routes: (router: ConnectRouter) => void;
  /** Run after the mesh's own, for RPC and REST alike. */
  readonly interceptors?: Interceptor[];
  /** Readiness: each rejects while its dependency cannot be used. */
  readonly checks?: Readonly<Record<string, () => Promise<unknown>>>;
  /** Further HTTP on the http port; resolves to false to leave a request to the REST routes. */
  readonly http?: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;
  /** Listeners of the service's own for further named ports. */
  readonly listeners?: Readonly<Record<string, Listener>>;
  /** After the ports are open and the instance is registered. */
  readonly ready?: () => Promise<void> | void;
  /** First step of the drain: take no new work of your own. */
  readonly stopAccepting?: () => Promise<void>;
  /** Last step: close what `setup` opened. */
  readonly close?: () => Promise<void>;
}

export interface RunningService {
  readonly mesh: Mesh;
  readonly instance: Instance;
  readonly health: HealthMonitor;
  /** Drains and closes; resolves when all is closed. Repeating it waits for the same end. */
  stop(): Promise<void>;
}
