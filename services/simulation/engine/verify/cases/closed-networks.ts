/**
 * Closed populations: exact mean value analysis (Reiser and Lavenberg 1980; the model is in the style of Lazowska et al.
 * 1984) and the machine repair model, whose machines are users that think until they fail.
 */
import { closed, component, exponential, link } from "../../src/scenario.ts";
import type { Case } from "../case.ts";
import { lengthOf, of, ofSystem } from "../read.ts";

const centralServer = [
  { users: 1, perSecond: 0.05248, responseMs: 4055, busyDisk: 0.1102 },
  { users: 3, perSecond: 0.1515, responseMs: 4800, busyDisk: 0.3182 },
  { users: 20, perSecond: 0.4745, responseMs: 27_150, busyDisk: 0.9965 },
].map(
  ({ users, perSecond, responseMs, busyDisk }): Case => ({
    id: `V11-${users}`,
    what: `${users} terminals, a processor and two disks`,
    model: {
      components: [
        component("terminals", "client"),
        component("cpu", "service", { serviceTime: exponential(605) }),
        component("disk1", "database", { serviceTime: exponential(2100) }),
        component("disk2", "database", { serviceTime: exponential(1350) }),
      ],
      links: [link("terminals", "cpu"), link("terminals", "disk1"), link("terminals", "disk2")],
      workloads: [closed("terminals", users, 15_000)],
    },
    run: lengthOf(15_000, perSecond, 600),
    figures: [
      {
        name: "rate",
        unit: "/s",
        exact: perSecond,
        precision: 0.005,
        read: ofSystem((run) => run.throughputPerSecond),
      },
      { name: "response", unit: "ms", exact: responseMs, precision: 0.01, read: ofSystem((run) => run.latency.meanMs) },
      { name: "disk 1 busy", unit: "", exact: busyDisk, precision: 0.01, read: of("disk1", (one) => one.utilization) },
    ],
  }),
);

const twoCustomers: Case = {
  id: "V12",
  what: "two customers, demands .5 and 1 s, a second of thinking",
  model: {
    components: [
      component("users", "client"),
      component("first", "service", { serviceTime: exponential(500) }),
      component("second", "service", { serviceTime: exponential(1000) }),
    ],
    links: [link("users", "first"), link("users", "second")],
    workloads: [closed("users", 2, 1000)],
  },
  run: lengthOf(30_000, 2 / 3, 60),
  figures: [
    { name: "rate", unit: "/s", exact: 2 / 3, precision: 0.005, read: ofSystem((run) => run.throughputPerSecond) },
    { name: "response", unit: "ms", exact: 2000, precision: 0.005, read: ofSystem((run) => run.latency.meanMs) },
  ],
};

const machineRepair = [
  { crews: 1, down: 2.146, available: 0.7854 },
  { crews: 2, down: 1.039, available: 0.8961 },
].map(
  ({ crews, down, available }): Case => ({
    id: `V13-${crews}`,
    what: `10 machines that fail every 10 s, repaired in 1 s by ${crews === 1 ? "one crew" : `${crews} crews`}`,
    model: {
      components: [
        component("machines", "client"),
        component("station", "service", { concurrency: crews, serviceTime: exponential(1000) }),
      ],
      links: [link("machines", "station")],
      workloads: [closed("machines", 10, 10_000)],
    },
    run: lengthOf(30_000, available, 100),
    figures: [
      { name: "down", unit: "", exact: down, precision: 0.01, read: of("station", (one) => one.inFlightMean) },
      {
        name: "availability",
        unit: "",
        exact: available,
        precision: 0.005,
        read: of("station", (one) => 1 - one.inFlightMean / 10),
      },
      {
        // Every machine that is up fails at a tenth per second, and every failure keeps a crew busy for a second.
        name: "crews busy",
        unit: "",
        exact: available / crews,
        precision: 0.005,
        read: of("station", (one) => one.utilization),
      },
    ],
  }),
);

export const closedNetworks: readonly Case[] = [...centralServer, twoCustomers, ...machineRepair];
