import { readFile } from "node:fs/promises";
import type { DescMethod } from "@bufbuild/protobuf";
import { accessOf } from "@weft/auth/verifier";
import { AccountService } from "@weft/proto/weft/auth/v1/account_service_pb.ts";
import { AuthService } from "@weft/proto/weft/auth/v1/auth_service_pb.ts";
import { Access } from "@weft/proto/weft/options/v1/access_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { SimulationService } from "@weft/proto/weft/simulation/v1/simulation_service_pb.ts";
import { StudyService } from "@weft/proto/weft/simulation/v1/study_service_pb.ts";
import { UserService } from "@weft/proto/weft/user/v1/user_service_pb.ts";
import { restBindingsOfMethod } from "@weft/transcoding";
import { expect, it } from "vitest";

const services = [AccountService, AuthService, UserService, ProjectService, SimulationService, StudyService];

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
  const who = accessOf(method) === Access.PUBLIC ? "anybody" : "a user";
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
