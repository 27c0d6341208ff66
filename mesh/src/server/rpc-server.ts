import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type Interceptor } from "@connectrpc/connect";
import { LaneService } from "@weft/proto/weft/lane/v1/lane_service_pb.ts";
import type { Admission } from "../admission/admission.ts";
import type { Clock } from "../clock.ts";
import { DeadlineWheel } from "../deadline-wheel.ts";
import { metricNames } from "../diagnostics.ts";
import { laneCounters } from "../lane/lane-counters.ts";
import { Parcels } from "../lane/parcels.ts";
import { ServerLane } from "../lane/server-lane.ts";
import type { Logger } from "../logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Random } from "../random.ts";
import { GrpcCall, isPlainGrpc } from "./grpc-call.ts";
import type { CallAuthorization, RpcCore } from "./rpc-core.ts";
import { ServedMethod, servedMethods } from "./served-method.ts";

/**
 * The fast half of the RPC port: takes lanes and plain unary gRPC off an HTTP/2 server, and leaves everything else
 * (streaming methods, Connect, gRPC-Web, methods it does not know) to Connect.
 */
export interface RpcServerOptions {
  readonly routes: (router: ConnectRouter) => void;
  /** The service's own, around its handlers. */
  readonly interceptors: readonly Interceptor[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly admission: Admission | undefined;
  readonly authorization: CallAuthorization | undefined;
  /** The service at the other end of a stream, by its certificate. */
  readonly callerOf: (stream: ServerHttp2Stream) => string | undefined;
}

export interface RpcServer {
  /** By name: "package.Service/Method". */
  readonly methods: ReadonlyMap<string, unknown>;
  /** Calls being worked on; those that take another way are added by whoever serves them. */
  readonly load: { inFlight: number };
  /** Whether it took the stream. */
  onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean;
  /** Asks the callers on lanes to go elsewhere; on those of one session only, where it is given. */
  drain(session?: ServerHttp2Session): void;
  /** Forgets timers and parcels. */
  close(): void;
}

const openPath = `/${LaneService.typeName}/${LaneService.method.open.name}`;

export function createRpcServer(options: RpcServerOptions): RpcServer {
  const { clock, random, logger, metrics } = options;
  const lanes = new Set<ServerLane>();
  const parcels = new Parcels(clock, random);
  const laneErrors = metrics.counter(metricNames.laneErrors);
  const core: RpcCore = {
    clock,
    random,
    logger,
    wheel: new DeadlineWheel(clock),
    methods: withFetch(servedMethods(options.routes, options.interceptors, metrics), parcels, metrics),
    unknownMethod: unknownMethod(metrics),
    logsCalls: logger.isLevelEnabled("debug"),
    inFlight: 0,
    admission: options.admission,
    authorization: options.authorization,
    laneFailed: (reason) => laneErrors.inc({ reason }),
  };
  const counters = laneCounters(metrics);
  metrics.gauge(metricNames.serverInFlight, (gauge) => gauge.set(core.inFlight));

  function openLane(stream: ServerHttp2Stream): void {
    const lane: ServerLane = new ServerLane({
      core,
      stream,
      parcels,
      caller: options.callerOf(stream),
      counters,
      onClosed: () => lanes.delete(lane),
    });
    lanes.add(lane);
  }

  return {
    methods: core.methods,
    load: core,
    onStream: (stream, headers) => {
      if (!isPlainGrpc(headers)) {
        return false;
      }
      const path = headers[":path"] as string;
      if (path === openPath) {
        openLane(stream);
        return true;
      }
      const served = core.methods.get(path.slice(1));
      if (served === undefined) {
        return false;
      }
      new GrpcCall(core, served, stream, headers, options.callerOf(stream));
      return true;
    },
    drain: (session) => {
      for (const lane of lanes) {
        if (session === undefined || lane.session === session) {
          lane.drain();
        }
      }
    },
    close: () => {
      core.wheel.close();
      parcels.clear();
    },
  };
}

/** `LaneService.Fetch` is a method like any other. */
function withFetch(
  methods: ReadonlyMap<string, ServedMethod>,
  parcels: Parcels,
  metrics: Metrics,
): ReadonlyMap<string, ServedMethod> {
  const fetch = new ServedMethod(
    LaneService.method.fetch,
    (request) => {
      const message = parcels.take((request as unknown as { parcelId: bigint }).parcelId);
      if (message === undefined) {
        throw new ConnectError("there is no such parcel, or no longer", Code.NotFound);
      }
      return { message };
    },
    [],
    metrics,
    { exempt: true },
  );
  return new Map([...methods, [fetch.name, fetch]]);
}

/** Calls of methods that are not served count under one name: theirs is the caller's invention. */
function unknownMethod(metrics: Metrics): ServedMethod {
  const desc = {
    ...LaneService.method.fetch,
    name: "unknown",
    parent: { ...LaneService, typeName: "weft" },
  } as unknown as DescMethodUnary;
  return new ServedMethod(desc, () => undefined, [], metrics);
}
