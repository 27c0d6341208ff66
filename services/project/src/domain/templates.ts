import { ProjectError } from "./errors.ts";
import type { Caller, Project, Template, TemplateStore } from "./ports.ts";
import { assertStorable, isStorable } from "./storable-text.ts";

/** The system's templates, which everybody may use, and people's own, which only they see (PROJ-04). */
export interface TemplatesOptions {
  readonly system: readonly Template[];
  readonly store: TemplateStore;
  readonly now: () => number;
  readonly newId: () => string;
}

export interface ListedTemplate {
  readonly template: Template;
  readonly system: boolean;
}

/** All are listed at once, with their architectures: this many fit into one answer. */
export const mostTemplates = 100;

export class Templates {
  readonly #options: TemplatesOptions;

  constructor(options: TemplatesOptions) {
    this.#options = options;
  }

  async list(caller: Caller): Promise<readonly ListedTemplate[]> {
    const own = await this.#options.store.listOf(caller.userId);
    return [
      ...this.#options.system.map((template) => ({ template, system: true })),
      ...own.map((template) => ({ template, system: false })),
    ];
  }

  async get(caller: Caller, id: string): Promise<Template & { readonly system: boolean }> {
    const system = this.#options.system.find((template) => template.id === id);
    if (system !== undefined) {
      return { ...system, system: true };
    }
    const own = isStorable(id) ? await this.#options.store.find(id, caller.userId) : undefined;
    if (own === undefined) {
      throw new ProjectError("template_unknown", `there is no template ${id}`, {
        fields: [{ field: "templateId", description: "is not a template of the system or of yours" }],
      });
    }
    return { ...own, system: false };
  }

  async create(
    caller: Caller,
    project: Project,
    given: { name: string; description: string; tags: readonly string[] },
  ): Promise<Template> {
    assertStorable(given);
    if ((await this.#options.store.countOf(caller.userId)) >= mostTemplates) {
      throw new ProjectError("too_many_templates", `you have ${mostTemplates} templates, the most there can be`);
    }
    const template: Template = { ...given, id: this.#options.newId(), architecture: project.architecture };
    await this.#options.store.create(template, caller.userId, this.#options.now());
    return template;
  }

  /** Name, description and tags become what is given; the architecture, that of the project, when there is one. */
  async update(
    caller: Caller,
    id: string,
    project: Project | undefined,
    given: { name: string; description: string; tags: readonly string[] },
  ): Promise<Template> {
    assertStorable(given);
    const current = await this.get(caller, id);
    if (current.system) {
      throw new ProjectError("not_allowed", "templates of the system cannot be changed");
    }
    const template: Template = { ...given, id, architecture: project?.architecture ?? current.architecture };
    if (!(await this.#options.store.update(template, caller.userId))) {
      throw new ProjectError("template_unknown", `there is no template ${id}`);
    }
    return template;
  }

  async remove(caller: Caller, id: string): Promise<void> {
    if (this.#options.system.some((template) => template.id === id)) {
      throw new ProjectError("not_allowed", "templates of the system cannot be deleted");
    }
    if (!isStorable(id) || !(await this.#options.store.remove(id, caller.userId))) {
      throw new ProjectError("template_unknown", `there is no template ${id}`);
    }
  }
}
