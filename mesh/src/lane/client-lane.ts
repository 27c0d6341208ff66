import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { LaneService } from "@weft/proto/weft/lane/v1/lane_service_pb.ts";
import { MeshError } from "../errors.ts";
import type { OutgoingCall } from "../pool/connection.ts";
import { withoutStack } from "../without-stack.ts";
import { BatchWriter } from "./batch-writer.ts";
import { FlushPacer } from "./flush-pacer.ts";
import { AnswerFrameReader, readResponseBatch, writeCall, writeCancel } from "./frames.ts";
import { GrpcMessages } from "./grpc-messages.ts";
import type { LaneCounters } from "./lane-counters.ts";
import { laneFlushBytes, laneMaxBatchBytes, laneMaxBufferedBytes, laneMaxMessageBytes } from "./lane-limits.ts";
import { headersFrom, MetadataEntries, type MetadataList, MetadataNumbers } from "./metadata.ts";
import { LaneFormatError, WireReader } from "./wire.ts";

/**
 * The caller's end of one lane: writes calls into batches, and hands each answer to the call that waits for it.
 *
 *   opening ──settings──▶ open ──draining or told to──▶ draining ──last answer──▶ closed
 *      └── UNIMPLEMENTED: the peer has no lanes, and is called by plain gRPC
 *
 * Calls gather in a batch until the pacer (flush-pacer.ts) sends it: a call that is alone leaves at once, and the more there
 * are, the fewer writes each costs. A lane that ends fails its calls with CONNECTION_LOST; those of a batch that
 * was not written yet say so, since they may be made again elsewhere whatever their method. While the socket is behind,
 * calls wait here, as objects, instead of filling buffers.
 *
 * A call's id is its place among those in flight and a generation above it, so an answer finds its call by an index. A call
 * that was given up keeps its place until it is answered, as every call is: no id ever means two calls.
 */
export interface ClientLaneOptions {
  readonly session: ClientHttp2Session;
  readonly authority: string;
  readonly counters: LaneCounters;
  readonly monotonicMs: () => number;
  /** The peer speaks lanes; calls may be sent. */
  readonly onOpen: () => void;
  /** The peer has none. */
  readonly onUnsupported: () => void;
  /** The peer asks to go elsewhere. */
  readonly onDraining: () => void;
  /** The first call is in flight, or none is any more. */
  readonly onBusy: () => void;
  readonly onIdle: () => void;
  /** A call that had waited for the socket takes a stream of its own after all. */
  readonly onRefused: (call: OutgoingCall) => void;
  /** The answer was too large for the lane and waits under this number. */
  readonly onParcel: (
    call: OutgoingCall,
    parcelId: bigint,
    headers: MetadataList | undefined,
    trailers: MetadataList | undefined,
  ) => void;
  /** It has ended; its calls have failed. */
  readonly onClosed: (reason: string) => void;
}

const slotBits = 12;
const slotMask = (1 << slotBits) - 1;
/** Keeps ids within a varint of three bytes. */
const generationMask = (1 << (21 - slotBits)) - 1;

export class ClientLane {
  readonly #options: ClientLaneOptions;
  readonly #stream: ClientHttp2Stream;
  readonly #batch = new BatchWriter();
  readonly #reader = new WireReader();
  readonly #frame = new AnswerFrameReader();
  readonly #entries = new MetadataEntries();
  readonly #numbers = new MetadataNumbers();
  readonly #messages: GrpcMessages;
  readonly #pacer: FlushPacer;
  /** Calls in flight by place; `#free` are the places without one, `#generations` count the calls that had each. */
  readonly #calls: (OutgoingCall | undefined)[] = [];
  readonly #generations: number[] = [];
  readonly #free: number[] = [];
  readonly #named: boolean[] = [];
  /** Ids of calls that were given up and not answered yet: their places are taken until they are. */
  readonly #canceled = new Set<number>();
  readonly #blocked = new Set<OutgoingCall>();
  #inFlight = 0;
  #maxInFlight = 0;
  #maxMessageBytes = 0;
  #batchesWritten = 0;
  #open = false;
  #ending = false;
  #closed = false;
  #behind = false;
  #nowMs = 0;
  #failure: string | undefined;

  constructor(options: ClientLaneOptions) {
    this.#options = options;
    this.#messages = new GrpcMessages(laneMaxBatchBytes, this.#onBatch);
    this.#pacer = new FlushPacer(() => {
      this.#flush();
      this.#endWhenIdle();
    }, options.monotonicMs);
    const stream = options.session.request(
      {
        ":method": "POST",
        ":path": `/${LaneService.typeName}/${LaneService.method.open.name}`,
        ":authority": options.authority,
        "content-type": "application/grpc+proto",
        te: "trailers",
      },
      { endStream: false },
    );
    this.#stream = stream;
    stream.on("response", (headers) => {
      if (headers[":status"] !== 200 || headers["grpc-status"] !== undefined) {
        this.#options.onUnsupported();
        this.#end(`answered with HTTP ${headers[":status"]}`);
      }
    });
    stream.on("trailers", (trailers) => {
      const text = trailers["grpc-message"];
      this.#failure ??= `ended by the peer with status ${trailers["grpc-status"]}${text === undefined ? "" : ` ${text}`}`;
      if (!this.#open) {
        this.#options.onUnsupported();
      }
    });
    stream.on("data", this.#onData);
    // The peer has said all it had to say: nothing that waits for an answer will get one.
    stream.on("end", () => stream.close());
    stream.on("drain", this.#onDrain);
    stream.on("error", (error) => {
      this.#failure ??= error.message;
    });
    stream.on("close", () => this.#onClose());
  }

  /** Calls that the server takes at once. */
  get maxInFlight(): number {
    return this.#maxInFlight;
  }

  get inFlight(): number {
    return this.#inFlight + this.#blocked.size;
  }

  /** Sends a call; false when it must take a stream of its own: too large for the lane, or one too many. */
  send(call: OutgoingCall): boolean {
    if (this.#closed || this.#ending) {
      return false;
    }
    if (this.#behind) {
      this.#blocked.add(call);
      this.#begun();
      return true;
    }
    if (this.#inFlight + this.#canceled.size >= this.#maxInFlight) {
      return false;
    }
    return this.#write(call);
  }

  /** The call's answer is of no interest any more. */
  cancel(call: OutgoingCall): void {
    if (this.#blocked.delete(call)) {
      this.#finished();
      this.#endWhenIdle();
      return;
    }
    const { laneCallId } = call;
    const place = laneCallId & slotMask;
    if (laneCallId >= 0 && this.#calls[place] === call) {
      this.#calls[place] = undefined;
      this.#canceled.add(laneCallId);
      writeCancel(this.#batch.begin(), laneCallId);
      this.#scheduleFlush();
      this.#inFlight -= 1;
      this.#finished();
    }
  }

  /** Whether bytes of the call have left this process. */
  #wasSent(call: OutgoingCall): boolean {
    return call.laneCallId >= 0 && call.laneBatch < this.#batchesWritten;
  }

  /** Takes no more calls and ends with the last answer. */
  drain(): void {
    this.#ending = true;
    this.#endWhenIdle();
  }

  #write(call: OutgoingCall): boolean {
    const { method } = call;
    const place = this.#free.pop() ?? this.#calls.length;
    const generation = ((this.#generations[place] ?? 0) + 1) & generationMask;
    const callId = (generation << slotBits) | place;
    const writer = this.#batch.begin();
    const at = writer.position;
    let size: number;
    try {
      size = writeCall(
        writer,
        callId,
        method.id,
        this.#named[method.id] === true ? "" : method.name,
        call.deadlineMs === Number.POSITIVE_INFINITY ? 0 : Math.max(1, Math.ceil(call.deadlineMs - call.sentAtMs)),
        call,
        call.metadata,
        this.#numbers,
        method.request,
        call.message,
        method,
      );
    } catch (error) {
      // Nothing of a message that cannot be encoded may stay behind.
      writer.position = at;
      this.#numbers.forget();
      this.#free.push(place);
      throw error;
    }
    if (size > this.#maxMessageBytes) {
      writer.position = at;
      this.#numbers.forget();
      this.#free.push(place);
      return false;
    }
    this.#named[method.id] = true;
    this.#generations[place] = generation;
    this.#calls[place] = call;
    call.laneCallId = callId;
    call.laneBatch = this.#batchesWritten;
    this.#inFlight += 1;
    this.#begun();
    this.#batch.frames += 1;
    if (this.#batch.size > laneFlushBytes) {
      this.#flush();
    } else {
      this.#scheduleFlush();
    }
    return true;
  }

  #release(place: number): void {
    this.#calls[place] = undefined;
    this.#free.push(place);
    this.#inFlight -= 1;
    this.#finished();
  }

  #begun(): void {
    if (this.#inFlight + this.#blocked.size === 1) {
      this.#options.onBusy();
    }
  }

  #finished(): void {
    if (this.#inFlight + this.#blocked.size === 0) {
      this.#options.onIdle();
    }
  }

  #scheduleFlush(): void {
    this.#pacer.plan(this.#inFlight);
  }

  #flush(): void {
    // What is left in the batch of a stream that takes nothing more has not been sent.
    if (this.#closed || this.#batch.size === 0 || !this.#stream.writable) {
      return;
    }
    const { counters } = this.#options;
    counters.framesOut += this.#batch.frames;
    counters.batchesOut += 1;
    const bytes = this.#batch.take();
    counters.bytesOut += bytes.length;
    this.#batchesWritten += 1;
    this.#stream.write(bytes, this.#batch.onSent);
    this.#pacer.flushed();
    this.#behind = this.#stream.writableLength > laneMaxBufferedBytes;
  }

  readonly #onDrain = (): void => {
    this.#behind = false;
    for (const call of this.#blocked) {
      if (this.#behind) {
        return;
      }
      this.#blocked.delete(call);
      this.#finished();
      try {
        if (!this.send(call)) {
          this.#options.onRefused(call);
        }
      } catch (error) {
        call.onFailure(error as Error, this.#options.monotonicMs());
      }
    }
    this.#endWhenIdle();
  };

  readonly #onData = (chunk: Buffer): void => {
    this.#options.counters.bytesIn += chunk.length;
    this.#nowMs = this.#options.monotonicMs();
    try {
      this.#messages.push(chunk);
    } catch (error) {
      this.#end(error instanceof LaneFormatError ? error.message : String(error));
    }
    this.#endWhenIdle();
  };

  readonly #onBatch = (bytes: Buffer, start: number, end: number): void => {
    this.#options.counters.batchesIn += 1;
    this.#reader.set(bytes, start, end);
    readResponseBatch(this.#reader, this);
  };

  onSettings(maxInFlight: number, maxMessageBytes: number): void {
    this.#maxInFlight = Math.min(maxInFlight, slotMask + 1);
    this.#maxMessageBytes = Math.min(maxMessageBytes, laneMaxMessageBytes);
    if (!this.#open) {
      this.#open = true;
      this.#options.onOpen();
    }
  }

  onDraining(): void {
    this.#options.onDraining();
  }

  /** An answer of the batch that is being read. */
  onAnswer(start: number, end: number): void {
    const frame = this.#frame;
    const { bytes } = this.#reader;
    frame.read(this.#reader, start, end, this.#entries);
    this.#options.counters.framesIn += 1;
    const place = frame.callId & slotMask;
    const call = this.#calls[place];
    if (call === undefined || call.laneCallId !== frame.callId) {
      if (this.#canceled.delete(frame.callId)) {
        this.#free.push(place);
      }
      return;
    }
    call.laneCallId = -1;
    if (frame.parcelId !== 0n && frame.code === 0) {
      // Before the lane lets go of it: a connection that drains closes when nothing is in flight.
      this.#options.onParcel(call, frame.parcelId, frame.headers, frame.trailers);
      this.#release(place);
      return;
    }
    this.#release(place);
    if (frame.code !== 0) {
      call.onFailure(errorFrom(frame), this.#nowMs);
      return;
    }
    let message: Message;
    try {
      message = call.method.response.decode(bytes, frame.messageStart, frame.messageEnd);
    } catch (cause) {
      const what = `${call.method.name} was answered with something that cannot be decoded`;
      call.onFailure(new MeshError("PROTOCOL_ERROR", what, { cause, sent: true }), this.#nowMs);
      return;
    }
    call.onAnswer(message, frame.headers, frame.trailers, this.#nowMs);
  }

  #endWhenIdle(): void {
    if (this.#ending && this.inFlight === 0 && !this.#closed && !this.#stream.writableEnded) {
      this.#flush();
      this.#stream.end();
    }
  }

  #end(reason: string): void {
    this.#failure ??= reason;
    this.#stream.close();
    this.#onClose();
  }

  #onClose(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    const reason = this.#failure ?? "the lane ended";
    const nowMs = this.#options.monotonicMs();
    const lost = [...this.#calls.filter((call) => call !== undefined), ...this.#blocked];
    this.#calls.length = 0;
    this.#inFlight = 0;
    this.#canceled.clear();
    this.#blocked.clear();
    this.#options.onClosed(reason);
    if (lost.length > 0) {
      this.#options.onIdle();
    }
    for (const call of lost) {
      const sent = this.#wasSent(call);
      call.laneCallId = -1;
      call.onFailure(new MeshError("CONNECTION_LOST", reason, { sent }), nowMs);
    }
  }
}

/** What the peer answered instead of a message. */
function errorFrom(frame: AnswerFrameReader): Error {
  const error = withoutStack(() => answerError(frame));
  if (!frame.unprocessed) {
    return error;
  }
  // What was refused for want of room may be had elsewhere; what is refused for what it is may not.
  switch (error.code) {
    case Code.Unavailable:
      return new MeshError("OVERLOADED", undefined, { cause: error });
    case Code.ResourceExhausted:
      return new MeshError("CALL_REFUSED", error.rawMessage === "" ? undefined : error.rawMessage, { cause: error });
    default:
      return error;
  }
}

function answerError(frame: AnswerFrameReader): ConnectError {
  const error =
    frame.code in Code
      ? new ConnectError(frame.errorMessage, frame.code, headersFrom(frame.trailers))
      : new ConnectError(`invalid code: ${frame.code}`, Code.Internal, headersFrom(frame.trailers));
  error.details = frame.errorDetails ?? [];
  for (const [name, value] of headersFrom(frame.headers)) {
    if (!error.metadata.has(name)) {
      error.metadata.set(name, value);
    }
  }
  // Read by Connect's own serializers: metadata that came over the wire is not passed on.
  (error as { isWireError?: boolean }).isWireError = true;
  return error;
}
