/** What a call's headers say of its time, in milliseconds: gRPC says "250m", Connect says milliseconds. */
export function timeoutOf(headers: Headers): number | undefined {
  const connect = headers.get("connect-timeout-ms");
  if (connect !== null && /^\d{1,10}$/.test(connect)) {
    return Number(connect);
  }
  return parseGrpcTimeout(headers.get("grpc-timeout") ?? undefined);
}

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 0.001, n: 0.000001 };

/** The value of grpc-timeout in milliseconds; undefined when it is absent or says nothing. */
export function parseGrpcTimeout(value: string | undefined): number | undefined {
  const match = value === undefined ? null : /^(\d{1,8})([HMSmun])$/.exec(value);
  const factor = unitMs[match?.[2] ?? ""];
  return match === null || factor === undefined ? undefined : Number(match[1]) * factor;
}
