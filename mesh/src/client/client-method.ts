import type { DescMethodUnary } from "@bufbuild/protobuf";
import { codecFor } from "../codec/codec-for.ts";
import type { MessageCodec } from "../codec/message-codec.ts";
import { metricNames } from "../diagnostics.ts";
import type { FrameWidths } from "../lane/frames.ts";
import type { CallRecorder } from "../metrics/call-recorder.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { type HedgeOptions, type Hedging, hedgingFor } from "./hedging.ts";
import { isIdempotent } from "./retry.ts";

/** A unary method of a peer with all that its calls need, prepared once. */
export class ClientMethod implements FrameWidths {
  /** Stands for the method on every lane of this process. */
  readonly id: number;
  readonly desc: DescMethodUnary;
  /** "package.Service/Method". */
  readonly name: string;
  /** Calls of one group share a circuit breaker; the service's name. */
  readonly group: string;
  readonly idempotent: boolean;
  readonly request: MessageCodec;
  readonly response: MessageCodec;
  readonly recorder: CallRecorder;
  /** When a second copy is sent; undefined for never. */
  readonly hedging: Hedging | undefined;
  /** Lengths of its last request (lane/frames.ts). */
  messageWidth = 1;
  frameWidth = 1;

  constructor(id: number, desc: DescMethodUnary, peer: string, metrics: Metrics, hedge?: HedgeOptions) {
    this.id = id;
    this.desc = desc;
    this.name = `${desc.parent.typeName}/${desc.name}`;
    this.group = desc.parent.typeName;
    this.idempotent = isIdempotent(desc);
    this.hedging = hedgingFor(this.idempotent, hedge);
    this.request = codecFor(desc.input);
    this.response = codecFor(desc.output);
    this.recorder = metrics.callRecorder(metricNames.clientCalls, metricNames.clientCallSeconds, {
      peer,
      method: this.name,
    });
  }
}
