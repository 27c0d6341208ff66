import { type Channel, channelKindNames, isRecoverable, parseChannel, takesPublications } from "./channel.ts";
import type { RecoverFrom } from "./recoverable-feed.ts";

/*
 * The frames that clients send: from a value of JSON, which the codecs make of what came, to a command, or to the error that
 * the client is answered with. Pure: what a command does is `session.ts`.
 *
 * A frame is one object with an `id` of the client's choice and exactly one command. Members nobody knows are refused rather
 * than ignored: a misspelt option would otherwise silently not apply.
 */

/** What a subscriber of a simulation wants to get of its frames (SIM-13), decided when they subscribe. */
export interface SubscriptionOptions {
  /** Binary frames have the simulator's published layout; JSON when absent. */
  readonly encoding?: "json" | "binary";
  /** No components, all of them, or those with these ids; all when absent. */
  readonly detail?: "overview" | "all" | readonly string[];
  /** At most one frame in this time; the newest one wins. As fast as they come when absent. */
  readonly everyMs?: number;
  /** Of any channel: whether to be shown in it to the others who are, and to hear of them. */
  readonly presence?: boolean;
}

export type Command =
  | { readonly kind: "connect"; readonly token: string; readonly ticket?: undefined }
  | { readonly kind: "connect"; readonly ticket: string; readonly token?: undefined }
  | { readonly kind: "refresh"; readonly token: string; readonly ticket?: undefined }
  | {
      readonly kind: "subscribe";
      readonly channel: Channel;
      readonly options: SubscriptionOptions;
      /** Of a recoverable channel; absent for who keeps no positions. */
      readonly recover?: RecoverFrom;
    }
  | { readonly kind: "unsubscribe"; readonly channel: Channel }
  | { readonly kind: "presence"; readonly channel: Channel }
  | {
      readonly kind: "publish";
      readonly channel: Channel;
      /** JSON text. */
      readonly data: string;
      readonly key?: string;
    }
  | { readonly kind: "ping" };

/** `id` is absent from the error when the frame had no readable one. */
export type ParsedFrame =
  | { readonly ok: true; readonly id: number; readonly command: Command }
  | { readonly ok: false; readonly id: number | undefined; readonly message: string };

const protocolLimits = {
  tokenMaxCharacters: 8192,
  ticketMaxCharacters: 256,
  components: 256,
  componentMaxCharacters: 63,
  minRateHz: 0.1,
  maxRateHz: 60,
  maxEveryMs: 60_000,
  epoch: /^[a-z0-9]{1,64}$/,
  /** A cursor, a selection, a stroke: whoever has more to say puts it into the project. */
  publishMaxBytes: 4096,
  publishKey: /^[A-Za-z0-9_-]{1,64}$/,
} as const;
/** Of a subscription, beside its channel; the last two are the older names of `detail` and `everyMs`. */
const optionNames = ["encoding", "detail", "everyMs", "components", "maxRateHz"] as const;

const ticketMust = '"connect.ticket" must be a ticket';

const commandNames = ["connect", "subscribe", "unsubscribe", "presence", "publish", "ping", "refresh"] as const;

type JsonObject = Readonly<Record<string, unknown>>;

class FrameFault extends Error {}

/** Reads one frame. Never throws. */
export function parseFrame(value: unknown): ParsedFrame {
  let id: number | undefined;
  try {
    const frame = objectOf(value, "a frame");
    if (!Number.isSafeInteger(frame.id) || (frame.id as number) < 0) {
      throw new FrameFault('"id" must be a whole number, 0 or more');
    }
    id = frame.id as number;
    const names = Object.keys(frame).filter((name) => name !== "id");
    const name = commandNames.find((each) => each === names[0]);
    if (names.length !== 1 || name === undefined) {
      throw new FrameFault(`a frame has "id" and exactly one of ${commandNames.join(", ")}`);
    }
    return { ok: true, id, command: commandOf(name, objectOf(frame[name], `"${name}"`)) };
  } catch (error) {
    if (error instanceof FrameFault) {
      return { ok: false, id, message: error.message };
    }
    throw error;
  }
}

function commandOf(name: (typeof commandNames)[number], body: JsonObject): Command {
  switch (name) {
    case "connect":
      assertMembers(name, body, ["token", "ticket"]);
      assertOneOf(name, body, "token", "ticket");
      return body.ticket === undefined
        ? { kind: name, token: tokenOf(name, body.token) }
        : { kind: name, ticket: secretOf(ticketMust, body.ticket, protocolLimits.ticketMaxCharacters) };
    case "refresh":
      assertMembers(name, body, ["token"]);
      return { kind: name, token: tokenOf(name, body.token) };
    case "subscribe": {
      assertMembers(name, body, ["channel", "recover", "presence", ...optionNames]);
      const channel = channelOf(name, body.channel);
      const options = optionsOf(channel, body);
      return body.recover === undefined
        ? { kind: name, channel, options }
        : { kind: name, channel, options, recover: recoverOf(channel, body.recover) };
    }
    case "unsubscribe":
    case "presence":
      assertMembers(name, body, ["channel"]);
      return { kind: name, channel: channelOf(name, body.channel) };
    case "publish":
      assertMembers(name, body, ["channel", "data", "key"]);
      return {
        kind: name,
        channel: publishableOf(channelOf(name, body.channel)),
        data: dataOf(body.data),
        ...(body.key === undefined ? {} : { key: keyOf(body.key) }),
      };
    case "ping":
      assertMembers(name, body, []);
      return { kind: name };
  }
}

function tokenOf(name: string, value: unknown): string {
  return secretOf(`"${name}.token" must be an access token`, value, protocolLimits.tokenMaxCharacters);
}

function secretOf(must: string, value: unknown, maxCharacters: number): string {
  if (typeof value !== "string" || value === "" || value.length > maxCharacters) {
    throw new FrameFault(`${must} of 1 to ${maxCharacters} characters`);
  }
  return value;
}

function channelOf(name: string, value: unknown): Channel {
  const channel = typeof value === "string" ? parseChannel(value) : undefined;
  if (channel === undefined) {
    throw new FrameFault(`"${name}.channel" must be <kind>:<id>, of the kinds ${channelKindNames.join(", ")}`);
  }
  return channel;
}

function optionsOf(channel: Channel, body: JsonObject): SubscriptionOptions {
  const { encoding, detail, everyMs, components, maxRateHz } = body;
  const given = optionNames.find((name) => body[name] !== undefined);
  if (channel.kind !== "simulation" && given !== undefined) {
    throw new FrameFault(`"subscribe.${given}" applies to simulation channels only`);
  }
  assertOneOf("subscribe", body, "detail", "components");
  assertOneOf("subscribe", body, "everyMs", "maxRateHz");
  return {
    ...(body.presence === undefined ? {} : { presence: presenceOf(channel, body.presence) }),
    ...(encoding === undefined ? {} : { encoding: encodingOf(encoding) }),
    ...(detail === undefined ? {} : { detail: detailOf(detail) }),
    ...(everyMs === undefined ? {} : { everyMs: everyMsOf(everyMs) }),
    ...(components === undefined ? {} : { detail: componentsOf("components", components) }),
    ...(maxRateHz === undefined ? {} : { everyMs: 1000 / rateOf(maxRateHz) }),
  };
}

function presenceOf({ kind }: Channel, value: unknown): boolean {
  if (typeof value !== "boolean") {
    throw new FrameFault('"subscribe.presence" must be true or false');
  }
  if (kind === "notifications") {
    throw new FrameFault('"subscribe.presence" applies to channels that several users read');
  }
  return value;
}

function recoverOf(channel: Channel, value: unknown): RecoverFrom {
  if (!isRecoverable(channel)) {
    throw new FrameFault('"subscribe.recover" applies to project and notifications channels only');
  }
  if (value === null) {
    return null;
  }
  const position = objectOf(value, '"subscribe.recover"');
  assertMembers("subscribe.recover", position, ["epoch", "offset"]);
  const { epoch, offset } = position;
  if (typeof epoch !== "string" || !protocolLimits.epoch.test(epoch)) {
    throw new FrameFault('"subscribe.recover.epoch" must be 1 to 64 lower-case letters and digits');
  }
  if (!Number.isSafeInteger(offset) || (offset as number) < 0) {
    throw new FrameFault('"subscribe.recover.offset" must be a whole number, 0 or more');
  }
  return { epoch, offset: offset as number };
}

function publishableOf(channel: Channel): Channel {
  if (!takesPublications(channel)) {
    throw new FrameFault('"publish" applies to room channels only');
  }
  return channel;
}

function dataOf(value: unknown): string {
  const { publishMaxBytes } = protocolLimits;
  const text = value === undefined ? undefined : textOf(value);
  if (text === undefined || Buffer.byteLength(text) > publishMaxBytes) {
    throw new FrameFault(`"publish.data" must be a JSON value of at most ${publishMaxBytes} bytes`);
  }
  return text;
}

/** Undefined for what is nested deeper than the stack reaches, which parsing does not mind. */
function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

function keyOf(value: unknown): string {
  if (typeof value !== "string" || !protocolLimits.publishKey.test(value)) {
    throw new FrameFault('"publish.key" must be 1 to 64 letters, digits, "_" and "-"');
  }
  return value;
}

/** Both say the same thing, so a frame with both would leave open which counts. */
function assertOneOf(name: string, body: JsonObject, one: string, other: string): void {
  if (body[one] !== undefined && body[other] !== undefined) {
    throw new FrameFault(`"${name}" takes "${one}" or "${other}", not both`);
  }
}

function encodingOf(value: unknown): "json" | "binary" {
  if (value !== "json" && value !== "binary") {
    throw new FrameFault('"subscribe.encoding" must be "json" or "binary"');
  }
  return value;
}

function detailOf(value: unknown): "overview" | "all" | readonly string[] {
  return value === "overview" || value === "all"
    ? value
    : componentsOf("detail", value, 'must be "overview" or "all", or');
}

function everyMsOf(value: unknown): number {
  const { maxEveryMs } = protocolLimits;
  if (typeof value !== "number" || !(value >= 1 && value <= maxEveryMs)) {
    throw new FrameFault(`"subscribe.everyMs" must be a number from 1 to ${maxEveryMs}`);
  }
  return value;
}

function componentsOf(name: string, value: unknown, must = "must"): readonly string[] {
  const { components, componentMaxCharacters } = protocolLimits;
  const sound =
    Array.isArray(value) &&
    value.length >= 1 &&
    value.length <= components &&
    value.every((id) => typeof id === "string" && id !== "" && id.length <= componentMaxCharacters);
  if (!sound) {
    throw new FrameFault(
      `"subscribe.${name}" ${must} list 1 to ${components} component ids of 1 to ${componentMaxCharacters} characters`,
    );
  }
  return [...new Set(value as string[])].sort();
}

function rateOf(value: unknown): number {
  const { minRateHz, maxRateHz } = protocolLimits;
  if (typeof value !== "number" || !(value >= minRateHz && value <= maxRateHz)) {
    throw new FrameFault(`"subscribe.maxRateHz" must be a number from ${minRateHz} to ${maxRateHz}`);
  }
  return value;
}

function objectOf(value: unknown, what: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FrameFault(`${what} must be a JSON object`);
  }
  return value as JsonObject;
}

function assertMembers(name: string, body: JsonObject, known: readonly string[]): void {
  const unknown = Object.keys(body).find((member) => !known.includes(member));
  if (unknown !== undefined) {
    throw new FrameFault(
      `"${name}" has no "${unknown.slice(0, 40)}"${known.length > 0 ? `; it takes ${known.join(", ")}` : ""}`,
    );
  }
}
