import type { Component, ComponentKind, PartialComponent } from "./architecture.ts";
import { COMPONENT_DEFAULTS } from "./architecture-defaults.ts";
import { completeOptions } from "./complete-options.ts";
import { componentOptionProblems } from "./component-option-rules.ts";
import type { Findings } from "./import-result.ts";
import { COMPONENT_OPTIONS } from "./option-rules.ts";

/**
 * An imported component without the options that do not fit its kind, its instances or each other; each is an ERROR finding.
 * It is done when a component is whole, because kind and instances stand outside of our own fields in some formats.
 */
export function fitOptions(component: PartialComponent, findings: Findings): PartialComponent {
  const kind = component.kind as ComponentKind;
  const instances = component.instances ?? COMPONENT_DEFAULTS[kind].instances;
  // One option that goes may leave another without what it needs; every round takes one away, so this ends.
  for (let fitting = component; ; ) {
    const options = completeOptions<Partial<Component>>(fitting, COMPONENT_OPTIONS);
    const [misfit] = componentOptionProblems({ ...options, kind, instances });
    if (misfit === undefined) return fitting;
    const [option = misfit.field, inner] = misfit.field.split(".");
    const what = inner === undefined ? "it" : option;
    findings.error(`${component.id}.${misfit.field} ${misfit.problem}; ${what} counts as absent`);
    fitting = { ...fitting, [option]: undefined };
  }
}
