/** Every case, one file per group. A new group is a file here and a line below. */
import type { Case } from "../case.ts";
import { arrivals } from "./arrivals.ts";
import { caches } from "./caches.ts";
import { closedNetworks } from "./closed-networks.ts";
import { fanOutAndBalancing } from "./fan-out.ts";
import { resilience } from "./resilience.ts";
import { retries } from "./retries.ts";
import { serviceTimes } from "./service-times.ts";
import { sharingAndPriority } from "./sharing-and-priority.ts";
import { stations } from "./stations.ts";
import { transients } from "./transients.ts";

export const cases: readonly Case[] = [
  ...stations,
  ...serviceTimes,
  ...sharingAndPriority,
  ...closedNetworks,
  ...fanOutAndBalancing,
  ...retries,
  ...resilience,
  ...caches,
  ...arrivals,
  ...transients,
];
