/** The project service on the wire: protobuf to domain and back, error kinds to codes. No decisions are taken here. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Code, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { requirePrincipal } from "@weft/auth/verifier";
import { serviceError } from "@weft/mesh";
import type {
  AddMemberRequest,
  CollaboratorSchema,
  MemberSchema,
  ProjectAnalyticsSchema,
  ProjectSchema,
  ProjectSummarySchema,
  ProjectVersionSchema,
  TemplateSchema,
} from "@weft/proto/weft/project/v1/project_pb.ts";
import type { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { architectureFrom, architectureMessage } from "./architecture-message.ts";
import type { Architecture } from "./domain/architecture/architecture.ts";
import { ProjectError, type ProjectErrorKind } from "./domain/errors.ts";
import type { Format } from "./domain/formats.ts";
import type { Caller, Collaborator, ProjectSummary, ProjectVersion, Role, Template } from "./domain/ports.ts";
import type { NamedAnalytics, NamedMember, OpenedProject, Projects } from "./domain/projects.ts";
import type { Templates } from "./domain/templates.ts";

const defaultPageSize = 50;

/** Handlers of weft.project.v1.ProjectService. */
export function projectRpc(projects: Projects, templates: Templates): ServiceImpl<typeof ProjectService> {
  return {
    createProject: (request, context) =>
      answered(async () => {
        const { name, description, templateId } = request;
        const architecture = request.architecture && architectureFrom(request.architecture);
        return {
          project: projectMessage(
            await projects.create(callerOf(context), { name, description, templateId, architecture }),
          ),
        };
      }),
    getProject: (request, context) =>
      answered(async () => ({ project: projectMessage(await projects.get(callerOf(context), request.id)) })),
    listProjects: (request, context) =>
      answered(async () => {
        const { items, next } = await projects.list(callerOf(context), pageSize(request), request.pageToken);
        return { projects: items.map(summaryMessage), nextPageToken: next ?? "" };
      }),
    updateProject: (request, context) =>
      answered(async () => {
        const { name, description, expectedVersion } = request;
        const architecture = request.architecture && architectureFrom(request.architecture);
        const changes = { name, description, architecture, expectedVersion };
        return { project: projectMessage(await projects.update(callerOf(context), request.id, changes)) };
      }),
    deleteProject: (request, context) =>
      answered(async () => {
        await projects.remove(callerOf(context), request.id);
        return {};
      }),
    addMember: (request, context) =>
      answered(async () => {
        const role = request.role.toLowerCase() as Role;
        return { member: memberMessage(await projects.addMember(callerOf(context), request.id, whoOf(request), role)) };
      }),
    listMembers: (request, context) =>
      answered(async () => ({ members: (await projects.members(callerOf(context), request.id)).map(memberMessage) })),
    removeMember: (request, context) =>
      answered(async () => {
        await projects.removeMember(callerOf(context), request.id, request.userId);
        return {};
      }),
    listVersions: (request, context) =>
      answered(async () => {
        const { items, next } = await projects.versions(
          callerOf(context),
          request.id,
          pageSize(request),
          request.pageToken,
        );
        return { versions: items.map((version) => versionMessage(version)), nextPageToken: next ?? "" };
      }),
    getVersion: (request, context) =>
      answered(async () => {
        const version = await projects.version(callerOf(context), request.id, request.version);
        return { version: versionMessage(version, version.architecture) };
      }),
    restoreVersion: (request, context) =>
      answered(async () => ({
        project: projectMessage(await projects.restore(callerOf(context), request.id, request.version)),
      })),
    importProject: (request, context) =>
      answered(async () => {
        const { name, description, content } = request;
        const format = request.format as Format;
        const { findings, ...opened } = await projects.import(callerOf(context), {
          name,
          description,
          format,
          content,
        });
        return { project: projectMessage(opened), findings: [...findings] };
      }),
    exportProject: (request, context) =>
      answered(async () => {
        const format = (request.format === "" ? "WEFT" : request.format) as Format;
        const { content, fileName, findings } = await projects.export(callerOf(context), request.id, format);
        return { format, content, fileName, findings: [...findings] };
      }),
    getProjectAnalytics: (request, context) =>
      answered(async () => ({
        analytics: analyticsMessage(await projects.analytics(callerOf(context), request.id)),
      })),
    announcePresence: (request, context) =>
      answered(async () => {
        const collaborators = await projects.announce(callerOf(context), request.id, request.component);
        return { collaborators: collaborators.map(collaboratorMessage) };
      }),
    listTemplates: (_request, context) =>
      answered(async () => ({
        templates: (await templates.list(callerOf(context))).map(({ template, system }) =>
          templateMessage(template, system),
        ),
      })),
    getTemplate: (request, context) =>
      answered(async () => {
        const template = await templates.get(callerOf(context), request.id);
        return { template: templateMessage(template, template.system) };
      }),
    createTemplate: (request, context) =>
      answered(async () => {
        const caller = callerOf(context);
        const { project } = await projects.get(caller, request.projectId);
        const { name, description, tags } = request;
        return {
          template: templateMessage(await templates.create(caller, project, { name, description, tags }), false),
        };
      }),
    updateTemplate: (request, context) =>
      answered(async () => {
        const caller = callerOf(context);
        const { id, name, description, tags, projectId } = request;
        const project = projectId === "" ? undefined : (await projects.get(caller, projectId)).project;
        const template = await templates.update(caller, id, project, { name, description, tags });
        return { template: templateMessage(template, false) };
      }),
    deleteTemplate: (request, context) =>
      answered(async () => {
        await templates.remove(callerOf(context), request.id);
        return {};
      }),
  };
}

/** A new kind does not compile until it has a code here. */
const codes = {
  project_unknown: { code: Code.NotFound, reason: "PROJECT_UNKNOWN" },
  version_unknown: { code: Code.NotFound, reason: "VERSION_UNKNOWN" },
  template_unknown: { code: Code.NotFound, reason: "TEMPLATE_UNKNOWN" },
  member_unknown: { code: Code.NotFound, reason: "MEMBER_UNKNOWN" },
  user_unknown: { code: Code.NotFound, reason: "USER_UNKNOWN" },
  not_allowed: { code: Code.PermissionDenied, reason: "NOT_ALLOWED" },
  invalid: { code: Code.InvalidArgument, reason: "INVALID_FIELDS" },
  content_unreadable: { code: Code.InvalidArgument, reason: "CONTENT_UNREADABLE" },
  version_conflict: { code: Code.Aborted, reason: "VERSION_CONFLICT" },
  last_owner: { code: Code.FailedPrecondition, reason: "LAST_OWNER" },
  too_many_templates: { code: Code.ResourceExhausted, reason: "TOO_MANY_TEMPLATES" },
  unavailable: { code: Code.Unavailable, reason: "UNAVAILABLE" },
} satisfies Record<ProjectErrorKind, { code: Code; reason: string }>;

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProjectError) {
      const { code, reason } = codes[error.kind];
      throw serviceError(code, reason, error.message, {
        violations: error.fields,
        metadata: error.facts,
        cause: error,
        ...(error.kind === "unavailable" ? { retryAfterMs: 1000 } : {}),
      });
    }
    throw error;
  }
}

function callerOf(context: HandlerContext): Caller {
  const { userId, username } = requirePrincipal(context);
  return { userId, username };
}

/** The rules of the .proto leave exactly one of the three. */
function whoOf({
  userId,
  username,
  email,
}: AddMemberRequest): { userId: string } | { username: string } | { email: string } {
  return userId !== "" ? { userId } : username !== "" ? { username } : { email };
}

function pageSize(request: { readonly pageSize: number }): number {
  return request.pageSize === 0 ? defaultPageSize : request.pageSize;
}

function projectMessage({ project, role }: OpenedProject): MessageInitShape<typeof ProjectSchema> {
  const { id, name, description, version, ownerId, createdAtMs, updatedAtMs } = project;
  const architecture = architectureMessage(project.architecture);
  const times = { createdAt: timestampFromMs(createdAtMs), updatedAt: timestampFromMs(updatedAtMs) };
  return { id, name, description, architecture, version, ownerId, role, ...times };
}

function summaryMessage(summary: ProjectSummary): MessageInitShape<typeof ProjectSummarySchema> {
  const { createdAtMs, updatedAtMs, ...rest } = summary;
  return { ...rest, createdAt: timestampFromMs(createdAtMs), updatedAt: timestampFromMs(updatedAtMs) };
}

function versionMessage(
  version: ProjectVersion,
  architecture?: Architecture,
): MessageInitShape<typeof ProjectVersionSchema> {
  const { name, description, changedBy, change, createdAtMs } = version;
  return {
    version: version.version,
    name,
    description,
    changedBy,
    change,
    createdAt: timestampFromMs(createdAtMs),
    ...(architecture === undefined ? {} : { architecture: architectureMessage(architecture) }),
  };
}

function memberMessage({ addedAtMs, ...member }: NamedMember): MessageInitShape<typeof MemberSchema> {
  return { ...member, addedAt: timestampFromMs(addedAtMs) };
}

function collaboratorMessage({ lastSeenAtMs, ...rest }: Collaborator): MessageInitShape<typeof CollaboratorSchema> {
  return { ...rest, lastSeenAt: timestampFromMs(lastSeenAtMs) };
}

function analyticsMessage(analytics: NamedAnalytics): MessageInitShape<typeof ProjectAnalyticsSchema> {
  const { loads, bottleneck, headroom, ...rest } = analytics.architecture;
  const { contributions, ...activity } = analytics.activity;
  return {
    projectId: analytics.projectId,
    version: analytics.version,
    architecture: {
      ...rest,
      loads: loads.map(({ id, ...load }) => ({ component: id, ...load })),
      bottleneck: bottleneck ?? "",
      ...(headroom === undefined ? {} : { headroom }),
    },
    activity: {
      ...activity,
      contributors: contributions.map(({ userId, username, changes, lastAtMs }) => ({
        userId,
        username,
        changeCount: changes,
        lastChangeAt: timestampFromMs(lastAtMs),
      })),
    },
  };
}

function templateMessage(template: Template, system: boolean): MessageInitShape<typeof TemplateSchema> {
  const { id, name, description, tags, architecture } = template;
  return { id, name, description, tags: [...tags], system, architecture: architectureMessage(architecture) };
}
