import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extrapolation } from "./realtime/extrapolation.ts";
import { type LiveServer, startOurs, startPeer } from "./realtime/live-servers.ts";
import { connectionRules, measureConnections } from "./realtime/measure-connections.ts";
import { fanOutRules, measureFanOut } from "./realtime/measure-fan-out.ts";
import { measurePublished, publishedRules } from "./realtime/measure-published.ts";
import { labels, type Measuring, realtimeProfiles } from "./realtime/measuring.ts";
import { picturesFrom } from "./report/results.ts";
import { type Row, rowFrom } from "./report/rows.ts";
import { Samples } from "./rounds.ts";
import { runScript } from "./script.ts";

/*
 * npm run bench:realtime: the gateway as clients of its channels meet it, with tokens, permissions, positions and Redis,
 * beside Socket.IO and ws, which have none of these here. One lean client serves all. Linux only: the CPU and memory of the
 * servers are read from /proc, and the clients use several loopback addresses.
 */

const charts = [
  { series: "fan-out-500/cpu", title: "Deliveries per CPU second, 500 clients", unit: "deliveries", better: "more" },
  { series: "fan-out-2000/cpu", title: "Deliveries per CPU second, 2000 clients", unit: "deliveries", better: "more" },
  { series: "connections/idle/heap", title: "Heap per idle connection", unit: "B", better: "less" },
  { series: "connections/subscribed/heap", title: "Heap per subscribed connection", unit: "B", better: "less" },
] as const;

await runScript({
  name: "bench:realtime",
  title: "Real time",
  what: "Fans messages out to WebSocket clients, beside Socket.IO and ws; fills the gateway; publishes 100 000 messages a second.",
  suffix: "-realtime",
  async measure(args, progress) {
    const profile = args.quick ? realtimeProfiles.quick : realtimeProfiles.full;
    const isAsked = (id: string) => args.only.length === 0 || args.only.some((part) => id.includes(part));
    const samples = new Samples();
    const notes: string[] = [`profile "${profile.name}", ${profile.rounds} rounds`];
    const say = (line: string): void => {
      notes.push(line);
      progress(line);
    };
    const folder = await mkdtemp(join(tmpdir(), "weft-bench-realtime-"));
    const measuring: Measuring = { samples, profile, folder, say };
    const stops: (() => Promise<void>)[] = [];
    const stop = async (): Promise<void> => {
      await Promise.all(stops.splice(0).map((end) => end()));
      await rm(folder, { recursive: true, force: true });
    };
    const endOnSignal = (): void => void stop().finally(() => process.exit(130));
    process.once("SIGINT", endOnSignal);
    process.once("SIGTERM", endOnSignal);
    const rows: Row[] = [];
    try {
      progress("starting the system and its peers");
      const ours = await startOurs(folder);
      stops.push(ours.stop);
      const servers: LiveServer[] = [ours.server];
      for (const id of ["socket.io", "ws"] as const) {
        const peer = await startPeer(id, folder);
        stops.push(peer.stop);
        servers.push(peer.server);
      }
      if (isAsked("connections")) {
        await measureConnections(measuring, servers);
        rows.push(...connectionRules(profile).map((rule) => rowFrom(rule, samples)));
      }
      if (isAsked("fan-out")) {
        await measureFanOut(measuring, servers);
        rows.push(...fanOutRules(profile).map((rule) => rowFrom(rule, samples)));
      }
      if (isAsked("published")) {
        await measurePublished(measuring, ours.server);
        rows.push(...publishedRules.map((rule) => rowFrom(rule, samples)));
      }
    } finally {
      process.off("SIGINT", endOnSignal);
      process.off("SIGTERM", endOnSignal);
      await stop();
    }
    return {
      rows,
      pictures: picturesFrom(charts, samples, (who) => labels[who] ?? who).filter(({ bars }) => bars.length > 0),
      notes: [
        ...notes,
        "all processes run on one machine, and deliveries a second share it with the clients; CPU seconds are of the server alone",
        "Socket.IO and ws publish from within, without a broker, tokens, permissions or positions; Socket.IO without its Redis adapter",
        ...extrapolation(rows),
      ],
    };
  },
});
