import { defineCommand } from "citty";
import { CliError } from "../cli-error.ts";
import colors from "../command-line/colors.ts";
import { commonArgs, repeatedOption } from "../command-line/options.ts";
import { formatSpan, formatTable } from "../command-line/table.ts";
import { planUp, splitNames } from "../up/plan.ts";
import { findWorkspaceRoot, loadServices } from "../workspace/workspace.ts";
import { certificatesDirectory } from "./certificates-directory.ts";
import { type MadeCertificate, type MadeCertificates, makeCertificates } from "./make-certificates.ts";

export const certsCommand = defineCommand({
  meta: {
    name: "certs",
    description:
      "Make a development authority and a certificate for each service, for mTLS between them. " +
      "What is there and still good is kept; running services notice new files by themselves.",
  },
  args: {
    dir: { type: "string", description: "Folder; WEFT_CERTS_DIR or .weft/certs when absent", valueHint: "path" },
    only: { type: "string", description: "Only these services, separated by commas", valueHint: "auth,user" },
    host: { type: "string", description: "Further host name or address, may be repeated", valueHint: "10.0.0.7" },
    days: { type: "string", description: "How long a certificate holds (1 to 90)", default: "7" },
    "trust-domain": { type: "string", description: "Whose services they are; weft.local when absent" },
    renew: { type: "boolean", description: "Make all certificates anew, with new keys" },
    json: { type: "boolean", description: "Print JSON" },
    ...commonArgs,
  },
  async run({ args, rawArgs }) {
    const root = findWorkspaceRoot(process.cwd());
    const { processes } = planUp(loadServices(root), {
      portOffset: 0,
      ...(args.only === undefined ? {} : { only: splitNames(args.only) }),
    });
    const made = await makeCertificates({
      directory: certificatesDirectory(args.dir),
      services: processes.map(({ definition }) => definition.service),
      trustDomain: args["trust-domain"],
      hosts: hostsFrom(repeatedOption(rawArgs, ["--host"])),
      lifetimeMs: daysFrom(args.days) * 86_400_000,
      renew: args.renew === true,
      nowMs: Date.now(),
    });
    process.stdout.write(args.json ? `${JSON.stringify(asJson(made), null, 2)}\n` : formatMade(made, Date.now()));
  },
});

function hostsFrom(hosts: readonly string[]): string[] {
  return hosts.map((host) => {
    const plain = host.replace(/^\[(.*)\]$/, "$1");
    if (!/^(?=.{1,253}$)(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$|^[0-9a-fA-F:.]+$/.test(plain)) {
      throw new CliError(`--host "${host}" is neither a host name nor an address`);
    }
    return plain;
  });
}

function daysFrom(text: string): number {
  const days = /^\d+$/.test(text) ? Number(text) : 0;
  if (days < 1 || days > 90) {
    throw new CliError(`--days is "${text}"; it takes a whole number from 1 to 90`);
  }
  return days;
}

function formatMade({ directory, trustDomain, authority, certificates }: MadeCertificates, nowMs: number): string {
  const rows = certificates.map((one) => [one.service, one.identity, formatSpan(one.expiresAtMs - nowMs), what(one)]);
  return [
    `authority of ${trustDomain}: ${authority.outcome}, holds for ${formatSpan(authority.expiresAtMs - nowMs)}`,
    `in ${directory}`,
    "",
    formatTable(["SERVICE", "IDENTITY", "HOLDS FOR", "WHAT"], rows),
    "",
    `${colors.bold("next:")}  WEFT_MTLS=on npm start`,
    `       or for a service by itself: WEFT_MTLS=on WEFT_CERTS_DIR=${directory}`,
    "",
  ].join("\n");
}

function what({ outcome, reason }: MadeCertificate): string {
  return reason === undefined ? outcome : `${outcome}: ${reason}`;
}

function asJson({ authority, certificates, ...made }: MadeCertificates): unknown {
  const instant = (atMs: number): string => new Date(atMs).toISOString();
  const { expiresAtMs, ...rest } = authority;
  return {
    ...made,
    authority: { ...rest, expiresAt: instant(expiresAtMs) },
    certificates: certificates.map(({ expiresAtMs: atMs, ...one }) => ({ ...one, expiresAt: instant(atMs) })),
  };
}
