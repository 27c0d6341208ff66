import { fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import { ClientFrameSchema, ServerFrameSchema } from "@weft/proto/weft/realtime/v1/realtime_pb.ts";

/*
 * The model of the gateway speaks JSON; here it is put into weft.v1.proto and back, by the generated code and what the contract
 * says of the two forms, so that nothing of the client's own codec checks itself.
 */

type Json = Readonly<Record<string, JsonValue>>;

/** A client's frame as the text of weft.v1. */
export function textOfClientFrame(bytes: Uint8Array): string {
  const { id, ...command } = toJson(ClientFrameSchema, fromBinary(ClientFrameSchema, bytes)) as Json;
  const [name = "", body] = Object.entries(command)[0] ?? [];
  return JSON.stringify({ id: Number(id), [name]: clientBody(name, body as Json) });
}

function clientBody(name: string, body: Json): object {
  if (name === "publish") {
    return { ...body, data: JSON.parse(Buffer.from(String(body.data), "base64").toString()) };
  }
  const { position } = (body.recover ?? {}) as { readonly position?: Json };
  const place = { epoch: String(position?.epoch ?? ""), offset: Number(position?.offset ?? 0) };
  return body.recover === undefined ? body : { ...body, recover: place };
}

/** The bytes of a frame of the server that is given as the text of weft.v1. */
export function bytesOfServerFrame(text: string): Uint8Array {
  const { id, ...frame } = JSON.parse(text) as Json;
  const [name = "", body] = Object.entries(frame)[0] ?? [];
  const isChange = name === "presence" && id === undefined;
  const shaped = { [isChange ? "presenceChange" : name]: serverBody(isChange ? "presenceChange" : name, body as Json) };
  return toBinary(ServerFrameSchema, fromJson(ServerFrameSchema, id === undefined ? shaped : { id, ...shaped }));
}

function serverBody(name: string, body: Json): JsonValue {
  switch (name) {
    case "subscribed": {
      const { epoch, offset, publications = [], ...others } = body;
      const list = (publications as Json[]).map((each) => ({ ...each, data: base64Of(each.data) }));
      return {
        ...others,
        publications: list,
        ...(epoch !== undefined && { position: { epoch, offset: offset ?? 0 } }),
      };
    }
    case "push": {
      const { data, ...others } = body;
      return { ...others, json: base64Of(data) };
    }
    case "presence": {
      const { clients, ...others } = body;
      return clients === undefined ? others : { ...others, clients: { clients } };
    }
    case "presenceChange": {
      const { joined, left, ...others } = body;
      return joined === undefined ? others : { ...others, names: { joined, left: left ?? [] } };
    }
    case "notice": {
      const { code, ...others } = body;
      return { [code === "subscription_ended" ? "subscriptionEnded" : String(code)]: others };
    }
    default:
      return body;
  }
}

function base64Of(value: JsonValue | undefined): string {
  return Buffer.from(JSON.stringify(value ?? null)).toString("base64");
}
