import { hostileTexts } from "./hostile-texts.ts";
import type { Random } from "./random.ts";

/*
 * Bodies that are wrong below the level of messages: JSON that parsers disagree about, and bytes that are no protobuf.
 */

export interface MutatedBody {
  readonly body: Buffer;
  readonly what: string;
  /** The field that a refusal must name. */
  readonly fault?: string;
}

const pollution = ['"__proto__":{"admin":true}', '"constructor":{"prototype":{"admin":true}}', '"prototype":{"a":1}'];

/** `text` is a JSON object. */
export function mutateJson(text: string, random: Random): MutatedBody {
  const inside = (member: string): string => (text === "{}" ? `{${member}}` : `${text.slice(0, -1)},${member}}`);
  const body = (changed: string | Buffer, what: string, fault?: string): MutatedBody => ({
    body: Buffer.from(changed as string),
    what,
    ...(fault === undefined ? {} : { fault }),
  });
  switch (random.below(16)) {
    case 0: {
      const member = random.pick(pollution);
      return body(inside(member), "a prototype", member.slice(1, member.indexOf('"', 1)));
    }
    case 1: {
      const member = random.pick(pollution);
      const open = text.indexOf("{", 1);
      const deeper =
        open < 0 ? inside(`"a":{${member}}`) : `${text.slice(0, open + 1)}${member},${text.slice(open + 1)}`;
      return body(deeper.replace(",}", "}"), "a prototype further in");
    }
    case 2: {
      const name = /"(\w+)":/.exec(text)?.[1] ?? "a";
      return body(inside(`"${name}":${random.pick(["1", "null", "[]", '"b"', '{"a":1}'])}`), "a name given twice");
    }
    case 3: {
      const depth = random.pick([40, 101, 1000, 20_000]);
      const [open, close] = random.pick([
        ["[", "]"],
        ['{"a":', "}"],
      ] as const);
      const value = open.repeat(depth) + (open === "[" ? "" : "1") + close.repeat(depth);
      return body(random.chance(0.5) ? inside(`"a":${value}`) : value, `${depth} levels`);
    }
    case 4:
      return body(text.slice(0, random.below(text.length)), "cut off");
    case 5:
      return body(
        random.pick(["null", "[]", "7", '"a"', "true", "", " ", "{}{}", "{", "}", "[1,]", "nul", "\u0000"]),
        "no object",
      );
    case 6:
      return body(text + random.pick(["x", "\u0000", text, "}", "//", "\n\n\n"]), "something behind the end");
    case 7:
      return body(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]), "a byte order mark");
    case 8:
      return body(Buffer.from(text, "utf16le"), "UTF-16");
    case 9:
      return body(text.replaceAll(/"(\w+)":/g, "$1:"), "names without quotes");
    case 10:
      return body(
        inside(
          `"a":${random.pick(["1e999999", "-1e999999", "1".repeat(5000), `0.${"0".repeat(5000)}1`, "01", "+1", ".5", "NaN", "0x10"])}`,
        ),
        "an odd number",
      );
    case 11:
      return body(
        Buffer.from(
          withBytes(text, Buffer.from(random.pick([[0xff], [0xc0, 0xae], [0xed, 0xa0, 0x80], [0xf5, 0x80]]))),
        ),
        "no UTF-8",
      );
    case 12:
      return body(
        text.replace(/"[^"]*"(?=[,}])/, random.pick(['"\\ud800"', '"\\u0000"', '"\\x41"', '"a\nb"', '"\t"', "'a'"])),
        "an odd text",
      );
    case 13:
      return body(inside(`"a":"${"x".repeat(random.pick([70_000, 1_400_000, 1_700_000]))}"`), "a huge text");
    case 14:
      return body(
        `{${Array.from({ length: random.pick([100, 20_000]) }, (_, i) => `"k${i}":1`).join(",")}}`,
        "many names",
      );
    default:
      return body(flipped(Buffer.from(text), random), "a byte changed");
  }
}

/** `bytes` is a protobuf message. */
export function mutateBytes(bytes: Buffer, random: Random): MutatedBody {
  switch (random.below(9)) {
    case 0:
      return { body: random.bytes(random.below(200)), what: "random bytes" };
    case 1:
      return { body: bytes.subarray(0, random.below(bytes.length + 1)), what: "cut off" };
    case 2:
      return { body: flipped(bytes, random), what: "a byte changed" };
    case 3:
      // The start of group 1, over and over: skipping an unknown group is recursive in most readers.
      return { body: Buffer.alloc(random.pick([50, 5000, 200_000]), 0x0b), what: "groups without end" };
    case 4:
      return {
        body: Buffer.concat([bytes, Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f])]),
        what: "a length of 4 GiB",
      };
    case 5:
      return { body: Buffer.concat([bytes, Buffer.alloc(12, 0xff)]), what: "a number without end" };
    case 6:
      return { body: Buffer.concat([bytes, Buffer.from([0x0a, 0x02, 0xc0, 0xae])]), what: "no UTF-8 in field 1" };
    case 7: {
      const text = Buffer.from(random.pick(hostileTexts));
      const field = 1 + random.below(8);
      const short = text.subarray(0, 120);
      return {
        body: Buffer.concat([bytes, Buffer.from([(field << 3) | 2, short.length]), short]),
        what: `an odd text as field ${field}`,
      };
    }
    default: {
      const nested = Array.from({ length: random.pick([20, 60]) }).reduce<Buffer>(
        (inner) => (inner.length > 120 ? inner : Buffer.concat([Buffer.from([0x1a, inner.length]), inner])),
        Buffer.alloc(0),
      );
      return { body: Buffer.concat([bytes, nested]), what: "deep messages" };
    }
  }
}

function flipped(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length > 0) {
    copy[random.below(copy.length)] = random.below(256);
  }
  return copy;
}

function withBytes(text: string, odd: Buffer): Buffer {
  const at = text.indexOf('"', text.indexOf(":") + 1);
  return at < 0
    ? Buffer.concat([Buffer.from(text), odd])
    : Buffer.concat([Buffer.from(text.slice(0, at + 1)), odd, Buffer.from(text.slice(at + 1))]);
}
