import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Encodable } from "../codec/message-codec.ts";
import type { RpcCore } from "../server/rpc-core.ts";
import type { ServedMethod } from "../server/served-method.ts";
import { ServerCall } from "../server/server-call.ts";
import { readInt32 } from "../trace-context.ts";
import { BatchWriter } from "./batch-writer.ts";
import { FlushPacer } from "./flush-pacer.ts";
import {
  CallFrameReader,
  type OtherAnswer,
  readRequestBatch,
  writeAnswer,
  writeDraining,
  writeOtherAnswer,
  writeSettings,
} from "./frames.ts";
import { GrpcMessages } from "./grpc-messages.ts";
import type { LaneCounters } from "./lane-counters.ts";
import {
  laneFlushBytes,
  laneMaxBatchBytes,
  laneMaxBufferedBytes,
  laneMaxInFlight,
  laneMaxMessageBytes,
} from "./lane-limits.ts";
import { headersFrom, listFrom, MetadataEntries, MetadataNumbers } from "./metadata.ts";
import type { Parcels } from "./parcels.ts";
import { LaneFormatError, WireReader } from "./wire.ts";

/**
 * The server's end of one lane: reads batches of calls, runs each through the server's common core, and writes the answers
 * in the order in which they come.
 *
 *   open ──draining (announced; calls still taken)──▶ ended by the caller ──▶ closed
 *     └── malformed batch ──▶ ended by us with INVALID_ARGUMENT: this lane only
 *
 * Answers gather in a batch until the pacer (flush-pacer.ts) sends it. A caller that reads slowly is not read from while its answers pile
 * up, so that it holds at most its own calls in flight.
 */
export interface ServerLaneOptions {
  readonly core: RpcCore;
  readonly stream: ServerHttp2Stream;
  readonly parcels: Parcels;
  /** The service that calls, by its certificate. */
  readonly caller: string | undefined;
  readonly counters: LaneCounters;
  readonly onClosed: () => void;
}

export class ServerLane {
  readonly #options: ServerLaneOptions;
  readonly #core: RpcCore;
  readonly #stream: ServerHttp2Stream;
  readonly #batch = new BatchWriter();
  readonly #reader = new WireReader();
  readonly #frame = new CallFrameReader();
  readonly #entries = new MetadataEntries();
  readonly #numbers = new MetadataNumbers();
  readonly #messages: GrpcMessages;
  readonly #pacer: FlushPacer;
  readonly #methods: (ServedMethod | undefined)[] = [];
  /** Calls in flight, in no order; each knows its place. */
  readonly #active: LaneCall[] = [];
  #status: { readonly code: number; readonly message: string } = { code: 0, message: "" };
  #nowMs = 0;
  #draining = false;
  #ended = false;
  #closed = false;

  constructor(options: ServerLaneOptions) {
    this.#options = options;
    this.#core = options.core;
    this.#stream = options.stream;
    this.#messages = new GrpcMessages(laneMaxBatchBytes, this.#onBatch);
    this.#pacer = new FlushPacer(
      () => this.#flush(),
      () => options.core.clock.monotonicMs(),
    );
    options.counters.lanes += 1;
    const { stream } = options;
    stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => {
      stream.sendTrailers({
        "grpc-status": String(this.#status.code),
        ...(this.#status.message === "" ? {} : { "grpc-message": encodeURIComponent(this.#status.message) }),
      });
      // What the caller still has to say is of no interest; said at once, it would overtake the status.
      if (!stream.readableEnded) {
        this.#core.clock.setTimer(() => stream.close(constants.NGHTTP2_NO_ERROR), 0);
      }
    });
    stream.on("data", this.#onData);
    stream.on("end", () => this.#callerEnded());
    stream.on("drain", () => stream.resume());
    stream.on("error", () => undefined);
    stream.on("close", () => this.#onClose());
    writeSettings(this.#batch.begin(), laneMaxInFlight, laneMaxMessageBytes);
    this.#flush();
  }

  /** The connection that it is on. */
  get session(): ServerHttp2Session | undefined {
    return this.#stream.session as ServerHttp2Session | undefined;
  }

  /** Asks the caller to finish and to go elsewhere. */
  drain(): void {
    if (!this.#ended && !this.#closed) {
      this.#draining = true;
      writeDraining(this.#batch.begin());
      this.#scheduleFlush();
    }
  }

  /** Writes an answer; one that is too large for the lane becomes a parcel. */
  answer(call: LaneCall, message: Encodable, headers: Headers | undefined, trailers: Headers | undefined): void {
    if (this.#closed) {
      return;
    }
    const { served } = call;
    const writer = this.#batch.begin();
    const at = writer.position;
    let size: number;
    try {
      size = writeAnswer(
        writer,
        call.callId,
        served.response,
        message,
        headers === undefined ? undefined : listFrom(headers),
        trailers === undefined ? undefined : listFrom(trailers),
        this.#numbers,
        served,
      );
    } catch (error) {
      // Nothing of an answer that cannot be encoded may stay behind.
      writer.position = at;
      this.#numbers.forget();
      throw error;
    }
    // After GOAWAY there is no stream to fetch a parcel on.
    if (size > (this.#draining ? laneMaxDrainingBytes : laneMaxMessageBytes)) {
      const bytes = writer.bytes.subarray(writer.position - size, writer.position);
      const parcelId = this.#options.parcels.keep(Buffer.from(bytes));
      writer.position = at;
      this.#numbers.forget();
      if (parcelId === undefined) {
        throw new ConnectError("too many large answers wait to be fetched", Code.ResourceExhausted);
      }
      this.#writeOther(call.callId, {
        ...noAnswer,
        headers: headers && listFrom(headers),
        trailers: trailers && listFrom(trailers),
        parcelId,
      });
    }
    this.#written(call);
  }

  answerError(
    call: LaneCall,
    error: ConnectError,
    headers: Headers | undefined,
    trailers: Headers | undefined,
    unprocessed: boolean,
  ): void {
    if (this.#closed) {
      return;
    }
    this.#writeOther(call.callId, {
      ...noAnswer,
      code: error.code,
      errorMessage: error.rawMessage,
      errorDetails: detailsOf(error),
      headers: headers && listFrom(headers),
      trailers: [...((trailers && listFrom(trailers)) ?? []), ...(listFrom(error.metadata) ?? [])],
      unprocessed,
    });
    this.#written(call);
  }

  #writeOther(callId: number, answer: OtherAnswer): void {
    writeOtherAnswer(this.#batch.begin(), callId, answer, this.#numbers);
  }

  #written(call: LaneCall): void {
    this.#batch.frames += 1;
    this.#release(call);
    if (this.#batch.size > laneFlushBytes) {
      this.#flush();
    } else {
      this.#scheduleFlush();
    }
  }

  #release(call: LaneCall): void {
    const active = this.#active;
    const last = active.pop() as LaneCall;
    if (last !== call) {
      active[call.place] = last;
      last.place = call.place;
    }
    if (this.#ended && active.length === 0) {
      this.#finish();
    }
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#ended) {
      return;
    }
    this.#options.counters.bytesIn += chunk.length;
    this.#nowMs = this.#core.clock.monotonicMs();
    try {
      this.#messages.push(chunk);
    } catch (error) {
      this.#refuse(error);
    }
  };

  readonly #onBatch = (bytes: Buffer, start: number, end: number): void => {
    this.#options.counters.batchesIn += 1;
    this.#reader.set(bytes, start, end);
    readRequestBatch(this.#reader, this);
  };

  /** A call of the batch that is being read. */
  onCall(start: number, end: number): void {
    const frame = this.#frame;
    frame.read(this.#reader, start, end, this.#entries);
    this.#options.counters.framesIn += 1;
    const served = this.#methodOf(frame);
    const call = new LaneCall(
      this.#core,
      served ?? this.#core.unknownMethod,
      this.#nowMs,
      this,
      frame,
      this.#reader.bytes,
    );
    call.caller = this.#options.caller;
    call.place = this.#active.length;
    this.#active.push(call);
    if (served === undefined) {
      const name = frame.methodName === "" ? `method ${frame.methodId}, which was never named,` : frame.methodName;
      call.refuse(new ConnectError(`${name} is not served here`, Code.Unimplemented));
    } else if (this.#active.length > laneMaxInFlight) {
      call.refuse(new ConnectError(`more than ${laneMaxInFlight} calls in flight on a lane`, Code.ResourceExhausted));
    } else if (frame.messageEnd - frame.messageStart > laneMaxMessageBytes) {
      call.refuse(
        new ConnectError(`a message exceeds the ${laneMaxMessageBytes} bytes of a lane`, Code.ResourceExhausted),
      );
    } else {
      call.start();
    }
  }

  onCanceled(callIds: readonly number[]): void {
    // Cancellations are rare and calls in flight few: looking for them costs less than a map that every call pays for.
    if (callIds.length === 1) {
      this.#active.find((call) => call.callId === callIds[0])?.cancel();
      return;
    }
    const active = new Map(this.#active.map((call) => [call.callId, call]));
    for (const callId of callIds) {
      active.get(callId)?.cancel();
    }
  }

  #methodOf(frame: CallFrameReader): ServedMethod | undefined {
    if (frame.methodName === "") {
      return this.#methods[frame.methodId];
    }
    if (frame.methodId > 0xffff) {
      throw new LaneFormatError(`method id ${frame.methodId} exceeds 65535`);
    }
    const served = this.#core.methods.get(frame.methodName);
    this.#methods[frame.methodId] = served;
    return served;
  }

  #scheduleFlush(): void {
    this.#pacer.plan(this.#active.length);
  }

  #flush(): void {
    if (this.#closed || this.#batch.size === 0) {
      return;
    }
    const { counters } = this.#options;
    counters.framesOut += this.#batch.frames;
    const bytes = this.#batch.take();
    counters.batchesOut += 1;
    counters.bytesOut += bytes.length;
    const stream = this.#stream;
    stream.write(bytes, this.#batch.onSent);
    this.#pacer.flushed();
    if (stream.writableLength > laneMaxBufferedBytes) {
      stream.pause();
    }
  }

  /** The caller has said all it had to say. */
  #callerEnded(): void {
    this.#ended = true;
    if (this.#active.length === 0) {
      this.#finish();
    }
  }

  #refuse(error: unknown): void {
    const malformed = error instanceof LaneFormatError;
    if (!malformed) {
      this.#core.logger.error({ err: error }, "a lane failed");
    }
    this.#core.laneFailed(malformed ? "malformed" : "internal");
    this.#status = malformed
      ? { code: Code.InvalidArgument, message: error.message }
      : { code: Code.Internal, message: "internal error" };
    this.#ended = true;
    for (const call of [...this.#active]) {
      call.cancel();
    }
    this.#finish();
  }

  #finish(): void {
    this.#flush();
    if (!this.#closed && !this.#stream.writableEnded) {
      this.#stream.end();
    }
  }

  #onClose(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    this.#options.counters.lanes -= 1;
    for (const call of [...this.#active]) {
      call.cancel();
    }
    this.#active.length = 0;
    this.#options.onClosed();
  }
}

/** A call that came on a lane. */
export class LaneCall extends ServerCall {
  readonly callId: number;
  /** Where it stands among the lane's calls in flight. */
  place = 0;
  readonly #lane: ServerLane;
  readonly #bytes: Buffer;
  readonly #messageStart: number;
  readonly #messageEnd: number;
  readonly #metadata: readonly string[] | undefined;

  constructor(
    core: RpcCore,
    served: ServedMethod,
    nowMs: number,
    lane: ServerLane,
    frame: CallFrameReader,
    bytes: Buffer,
  ) {
    super(core, served, nowMs);
    this.callId = frame.callId;
    this.#lane = lane;
    this.#bytes = bytes;
    this.#messageStart = frame.messageStart;
    this.#messageEnd = frame.messageEnd;
    this.#metadata = frame.metadata;
    if (frame.timeoutMs > 0) {
      this.deadlineMs = nowMs + frame.timeoutMs;
    }
    if (frame.traceAt >= 0) {
      const at = frame.traceAt;
      this.trace0 = readInt32(bytes, at);
      this.trace1 = readInt32(bytes, at + 4);
      this.trace2 = readInt32(bytes, at + 8);
      this.trace3 = readInt32(bytes, at + 12);
      this.span0 = readInt32(bytes, at + 16);
      this.span1 = readInt32(bytes, at + 20);
      this.traceFlags = bytes[at + 24] as number;
    }
    // Without one, or with an id of zeros, which W3C calls invalid.
    if ((this.trace0 | this.trace1 | this.trace2 | this.trace3) === 0 || (this.span0 | this.span1) === 0) {
      this.beginTrace();
    }
    this.arrive();
  }

  get peerAddress(): string | undefined {
    return this.#lane.session?.socket.remoteAddress;
  }

  protected headerValue(name: string): string | undefined {
    const metadata = this.#metadata;
    if (metadata !== undefined) {
      for (let index = 0; index < metadata.length; index += 2) {
        if (metadata[index] === name) {
          return metadata[index + 1];
        }
      }
    }
    return undefined;
  }

  protected makeRequestHeader(): Headers {
    return this.describeTransport(headersFrom(this.#metadata));
  }

  protected readMessage(): Message {
    try {
      return this.served.request.decode(this.#bytes, this.#messageStart, this.#messageEnd);
    } catch (cause) {
      throw new ConnectError("the message cannot be decoded", Code.InvalidArgument, undefined, undefined, cause);
    }
  }

  protected sendAnswer(message: Encodable): void {
    this.#lane.answer(this, message, this.headersToSend, this.trailersToSend);
  }

  protected sendError(error: ConnectError, unprocessed: boolean): void {
    this.#lane.answerError(this, error, this.headersToSend, this.trailersToSend, unprocessed);
  }
}

/** The largest answer that fits into a batch that the caller reads, behind what is in it already. */
const laneMaxDrainingBytes = laneMaxBatchBytes - 2 * laneFlushBytes;

const noAnswer: OtherAnswer = {
  code: 0,
  errorMessage: "",
  errorDetails: [],
  headers: undefined,
  trailers: undefined,
  unprocessed: false,
  parcelId: 0n,
};

/** Details as they travel: what is still a value of ours is encoded. */
function detailsOf(error: ConnectError): { type: string; value: Uint8Array }[] {
  return error.details.map((detail) =>
    "desc" in detail
      ? { type: detail.desc.typeName, value: toBinary(detail.desc, create(detail.desc, detail.value)) }
      : { type: detail.type, value: detail.value },
  );
}
