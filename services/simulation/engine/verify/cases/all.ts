/** Every case, one file per group. A new group is a file here and a line below. */
import type { Case } from "../case.ts";
import { closedNetworks } from "./closed-networks.ts";
import { fanOutAndBalancing } from "./fan-out.ts";
import { retries } from "./retries.ts";
import { serviceTimes } from "./service-times.ts";
import { stations } from "./stations.ts";
import { transients } from "./transients.ts";

export const cases: readonly Case[] = [
  ...stations,
  ...serviceTimes,
  ...closedNetworks,
  ...fanOutAndBalancing,
  ...retries,
  ...transients,
];
