import { describe, expect, test } from "vitest";
import { h2loadArguments, parseH2load } from "./h2load.ts";

const report = `starting benchmark...
Warm-up phase is over for thread #0.
Main benchmark duration is over for thread #0. Stopping all clients.
Stopped all clients for thread #0

finished in 1.60s, 23400.00 req/s, 2.53MB/s
requests: 35100 total, 35228 started, 35100 done, 35090 succeeded, 5 failed, 4 errored, 1 timeout
status codes: 35100 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 3.80MB (3984000) total, 685.60KB (702054) headers (space savings 83.33%), 1.67MB (1754400) data
                     min         max         mean         sd        +/- sd
time for request:     1.02ms     21.31ms      5.39ms      1.90ms    79.65%
`;

describe("parseH2load", () => {
  test("reads the rate, what succeeded, what did not, and the bytes of the bodies", () => {
    expect(parseH2load(report)).toEqual({
      requestsPerSecond: 23400,
      succeeded: 35090,
      failed: 10,
      dataBytes: 1_754_400,
    });
  });

  test("is undefined for anything else", () => {
    expect(parseH2load("could not resolve the host")).toBeUndefined();
  });
});

test("h2load is told to speak gRPC for the time there is", () => {
  const args = h2loadArguments({ port: 1234, bodyFile: "/tmp/body", warmUpMs: 100, measureMs: 450 });
  expect(args.join(" ")).toContain("--warm-up-time 100ms -D 450ms -d /tmp/body");
  expect(args).toContain("content-type: application/grpc");
  expect(args.at(-1)).toBe("http://127.0.0.1:1234/weft.auth.v1.AuthService/ValidateToken");
});
