import { readFile } from "node:fs/promises";
import type { DescMethod } from "@bufbuild/protobuf";
import { accessOf, scopeOf } from "@weft/auth/verifier";
import { parseDurationMs } from "@weft/mesh";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { ApiKeyService } from "@weft/proto/weft/auth/v1/api_key_service_pb.ts";
import { AuditService } from "@weft/proto/weft/auth/v1/audit_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { FactorService } from "@weft/proto/weft/auth/v1/factor_service_pb.ts";
import { ProviderService } from "@weft/proto/weft/auth/v1/provider_service_pb.ts";
import { Access } from "@weft/proto/weft/options/v1/access_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { StudyService } from "@weft/proto/weft/simulation/v1/study_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { restBindingsOfMethod } from "@weft/transcoding";
import { expect, it } from "vitest";
import { limitSettings } from "../src/config.ts";

const services = [
  AccountService,
  ApiKeyService,
  FactorService,
  ProviderService,
  AuditService,
  AuthService,
  UserService,
  ProjectService,
  SimulationService,
  StudyService,
];

/** One line per public route, as its .proto has it. Aliases without /api are left out. */
function row(method: DescMethod): string {
  const binding = restBindingsOfMethod(method).find(({ template }) => !template.text.startsWith("/auth/"));
  if (binding === undefined) {
    throw new Error(`${method.name} has no route`);
  }
  const path = binding.template.text.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const takes = method.input.fields.filter(({ jsonName }) => !path.includes(`{${jsonName}}`));
  const given = takes.map(({ jsonName }) => `\`${jsonName}\``).join(", ");
  const whole = method.output.fields.find(({ name }) => name === binding.responseBodyField);
  const gives =
    whole?.message === undefined
      ? method.output.fields.map(({ jsonName }) => `\`${jsonName}\``).join(", ")
      : `a ${whole.message.name}`;
  const scope = scopeOf(method);
  const user = scope === undefined ? "a user" : `a user, \`${scope}\``;
  const who = accessOf(method) === Access.PUBLIC ? "anybody" : user;
  return `| \`${binding.verb} ${path}\` | ${who} | ${given} | ${gives} |`;
}

it("lists every public route in the README", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const rows = services.flatMap((service) =>
    service.methods.filter((method) => accessOf(method) !== Access.INTERNAL).map(row),
  );
  expect(rows.length).toBeGreaterThan(30);
  const table = /<!-- compared by tests\/readme\.test\.ts -->\n\n([\s\S]*?)\n\n/.exec(readme)?.[1] ?? "";
  expect(table.split("\n").slice(2)).toEqual(rows);
});

it("ASVS 13.1.2: says every limit and its default in the README", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const defaults = new Map(
    readme
      .split("\n")
      .filter((line) => line.startsWith("| `WEFT_"))
      .flatMap((line) => {
        const [variables = [], values = []] = line
          .split("|")
          .slice(1, 3)
          .map((cell) => cell.split(",").map((part) => part.replaceAll("`", "").trim()));
        return variables.map((variable, at) => [variable, values[at] ?? ""] as const);
      }),
  );
  for (const { variable, kind, fallback } of Object.values(limitSettings)) {
    const given = defaults.get(variable) ?? "not there";
    const value = kind === "duration" && given !== "not there" ? parseDurationMs(variable, given) : Number(given);
    expect({ variable, value }).toEqual({ variable, value: fallback });
  }
});
