import type { Samples } from "../rounds.ts";

/** How long and how often; data. */
export interface RealtimeProfile {
  readonly name: string;
  readonly rounds: number;
  readonly measureMs: number;
  /** Of messages by a schedule: long, or one pause of the machine would be the p99. */
  readonly pacedMs: number;
  /** Clients of a channel when messages are fanned out. */
  readonly audiences: readonly number[];
  /** Connections of which everybody's bytes are compared. */
  readonly compared: number;
  /** No more are opened at our gateway than this, nor for longer. */
  readonly held: number;
  readonly holdMs: number;
}

export const realtimeProfiles = {
  full: {
    ...{ name: "full", rounds: 3, measureMs: 3000, pacedMs: 6000, audiences: [500, 2000] },
    ...{ compared: 5000, held: 200_000, holdMs: 60_000 },
  },
  quick: {
    ...{ name: "quick", rounds: 1, measureMs: 1500, pacedMs: 2500, audiences: [500] },
    ...{ compared: 1000, held: 4000, holdMs: 10_000 },
  },
} as const satisfies Record<string, RealtimeProfile>;

/** What every part of the bench is given. */
export interface Measuring {
  readonly samples: Samples;
  readonly profile: RealtimeProfile;
  /** Where the processes of the run write. */
  readonly folder: string;
  /** A line that is shown at once and stands in the results. */
  readonly say: (line: string) => void;
}

export const labels: Readonly<Record<string, string>> = { weft: "Weft", "socket.io": "Socket.IO", ws: "ws" };
