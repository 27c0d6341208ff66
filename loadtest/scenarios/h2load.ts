/*
 * What h2load prints, in numbers. An error of gRPC comes as HTTP status 200 with the error in the trailers, which h2load
 * takes for success; so the bytes of the bodies are compared with what the right answers would hold.
 */
export interface H2loadReport {
  readonly requestsPerSecond: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly dataBytes: number;
}

/** Undefined when the text is no report of h2load. */
export function parseH2load(text: string): H2loadReport | undefined {
  const rate = /^finished in [^,]+, ([\d.]+) req\/s/m.exec(text)?.[1];
  const [, succeeded, failed, errored, timeout] =
    /^requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/m.exec(text) ?? [];
  const dataBytes = /^traffic: .* \((\d+)\) data$/m.exec(text)?.[1];
  if (rate === undefined || succeeded === undefined || dataBytes === undefined) {
    return undefined;
  }
  return {
    requestsPerSecond: Number(rate),
    succeeded: Number(succeeded),
    failed: Number(failed) + Number(errored) + Number(timeout),
    dataBytes: Number(dataBytes),
  };
}

export function h2loadArguments(options: {
  readonly port: number;
  readonly bodyFile: string;
  readonly warmUpMs: number;
  readonly measureMs: number;
}): string[] {
  return [
    ...["-t", "1", "-c", String(servedLoad.connections), "-m", String(servedLoad.streams)],
    ...["--warm-up-time", `${options.warmUpMs}ms`, "-D", `${options.measureMs}ms`],
    ...["-d", options.bodyFile, "-H", "content-type: application/grpc", "-H", "te: trailers"],
    `http://127.0.0.1:${options.port}/weft.auth.v1.AuthService/ValidateToken`,
  ];
}

/** The same whoever drives it. */
export const servedLoad = { connections: 4, streams: 32 } as const;
