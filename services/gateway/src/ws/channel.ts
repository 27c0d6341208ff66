/** The kinds of live channel. Each is carried by one pub/sub pattern, `<kind>:*` (MESH-08). */
const channelKinds = ["simulation", "traces", "project", "notifications"] as const;
export type ChannelKind = (typeof channelKinds)[number];

export interface Channel {
  /** "<kind>:<id>", as clients and publishers write it. */
  readonly name: string;
  readonly kind: ChannelKind;
  /** Of the simulation, the simulation whose requests are followed, the project, or the user who is notified. */
  readonly id: string;
}

const shape = /^([a-z]+):([A-Za-z0-9_-]{1,64})$/;

/** Reads a channel's name; undefined when it is none. Ids hold no character that a pattern would read. */
export function parseChannel(name: string): Channel | undefined {
  const [, kind, id] = shape.exec(name) ?? [];
  const known = channelKinds.find((each) => each === kind);
  return known === undefined || id === undefined ? undefined : { name, kind: known, id };
}
