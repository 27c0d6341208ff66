/**
 * The kinds of live channel, and what each promises its readers. Of `latest`, a message replaces those before it: who is
 * slow or was away gets the newest; where clients publish, a message replaces those of its user and key. Of `every`, each
 * publication counts: it has a position, and what was missed is recovered. Each kind is carried by one pub/sub pattern,
 * `<kind>:*` (MESH-08).
 */
const channelKinds = {
  simulation: { promise: "latest", published: "services" },
  traces: { promise: "latest", published: "services" },
  project: { promise: "every", published: "services" },
  notifications: { promise: "every", published: "services" },
  room: { promise: "latest", published: "clients" },
} as const;
export type ChannelKind = keyof typeof channelKinds;

export const channelKindNames = Object.keys(channelKinds) as readonly ChannelKind[];

export interface Channel {
  /** "<kind>:<id>", as clients and publishers write it. */
  readonly name: string;
  readonly kind: ChannelKind;
  /** Of the simulation, the simulation whose requests are followed, the user who is notified, or the project. */
  readonly id: string;
}

const shape = /^([a-z]+):([A-Za-z0-9_-]{1,64})$/;

/** Reads a channel's name; undefined when it is none. Ids hold no character that a pattern would read. */
export function parseChannel(name: string): Channel | undefined {
  const [, kind, id] = shape.exec(name) ?? [];
  return kind === undefined || id === undefined || !isKind(kind) ? undefined : { name, kind, id };
}

/** Whether its publications have positions and are recovered, rather than replaced by the newest. */
export function isRecoverable({ kind }: Channel): boolean {
  return channelKinds[kind].promise === "every";
}

/** Whether clients publish in it, and nobody else. */
export function takesPublications({ kind }: Channel): boolean {
  return channelKinds[kind].published === "clients";
}

function isKind(kind: string): kind is ChannelKind {
  return Object.hasOwn(channelKinds, kind);
}
