/** The study service on the wire: protobuf to domain and back. No decisions are taken here. */

import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { StartStudyRequest, StudySchema } from "@weft/proto/weft/simulation/v1/study_pb.ts";
import type { StudyService } from "@weft/proto/weft/simulation/v1/study_service_pb.ts";
import type { ElasticityObjective } from "@weft/simulator";
import { presentFields } from "./adapters/present-fields.ts";
import type { Studies } from "./domain/studies/studies.ts";
import type { Question, Study, StudySpec } from "./domain/studies/study.ts";
import { answered, callerOf } from "./rpc.ts";

const defaultPageSize = 50;

/** Handlers of weft.simulation.v1.StudyService. */
export function studyRpc(studies: Studies): ServiceImpl<typeof StudyService> {
  return {
    startStudy: (request, context) =>
      answered(async () => {
        const study = await studies.start(callerOf(context), request.projectId, specFrom(request));
        return { study: studyMessage(study) };
      }),
    getStudy: ({ id }, context) =>
      answered(async () => ({ study: studyMessage(await studies.get(callerOf(context), id)) })),
    listStudies: (request, context) =>
      answered(async () => {
        const pageSize = request.pageSize === 0 ? defaultPageSize : request.pageSize;
        const { projectId, pageToken } = request;
        const { items, next } = await studies.list(callerOf(context), projectId, pageSize, pageToken);
        return { studies: items.map(studyMessage), nextPageToken: next ?? "" };
      }),
    cancelStudy: ({ id }, context) =>
      answered(async () => ({ study: studyMessage(await studies.cancel(callerOf(context), id)) })),
    getStudyResult: ({ id }, context) =>
      answered(async () => ({ result: JSON.parse(await studies.result(callerOf(context), id)) as JsonObject })),
    getStudyReport: ({ id }, context) => answered(async () => ({ html: await studies.report(callerOf(context), id) })),
  };
}

function specFrom(request: StartStudyRequest): StudySpec {
  const { load, durationSeconds, warmupSeconds, replications, seed, settings } = request;
  return {
    question: questionFrom(request.question),
    ...present({ load, durationSeconds, warmupSeconds, replications, seed }),
    settings,
  };
}

function questionFrom(question: StartStudyRequest["question"]): Question {
  switch (question.case) {
    case "run": {
      const { precision, objectives, prices } = question.value;
      return { kind: "run", ...present({ precision }), objectives, prices };
    }
    case "compare": {
      const { otherProjectId, settings, objectives, prices } = question.value;
      return { kind: "compare", otherProjectId, settings, objectives, prices };
    }
    case "sweep": {
      const { vary, objectives, prices } = question.value;
      return { kind: "sweep", vary, objectives, prices };
    }
    case "capacity": {
      const { objectives, relativePrecision, highestLoad } = question.value;
      return { kind: "capacity", objectives, ...present({ relativePrecision, highestLoad }) };
    }
    case "predict":
      return { kind: "predict" };
    case "chaos": {
      const { gameDay = {}, boundaryLevel, relativePrecision } = question.value;
      return { kind: "chaos", gameDay, ...present({ boundaryLevel, relativePrecision }) };
    }
    case "explain": {
      const objective = explained[question.value.objective];
      const prices = Object.entries(question.value.prices).map(([id, steps]) => [id, presentFields(steps)]);
      return { kind: "explain", ...(objective === undefined ? {} : { objective }), prices: Object.fromEntries(prices) };
    }
    case undefined:
      throw new Error("a study without a question passed the rules of its message");
  }
}

/** What a change should improve, as people call it and as the simulator does. */
const explained: Readonly<Record<string, ElasticityObjective | undefined>> = {
  mean: "meanMs",
  p99: "p99Ms",
  errors: "errorRatio",
  throughput: "throughputPerSecond",
};

/** Absent fields stay absent. */
function present<Fields extends Record<string, number | undefined>>(
  fields: Fields,
): { [Name in keyof Fields]?: number } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof Fields]?: number };
}

function studyMessage({
  createdAtMs,
  startedAtMs,
  finishedAtMs,
  ...rest
}: Study): MessageInitShape<typeof StudySchema> {
  return {
    id: rest.id,
    projectId: rest.projectId,
    projectVersion: rest.projectVersion,
    question: rest.question,
    status: rest.status,
    progress: rest.progress,
    phase: rest.phase,
    failureReason: rest.failureReason,
    createdBy: rest.createdBy,
    createdAt: timestampFromMs(createdAtMs),
    ...(startedAtMs === undefined ? {} : { startedAt: timestampFromMs(startedAtMs) }),
    ...(finishedAtMs === undefined ? {} : { finishedAt: timestampFromMs(finishedAtMs) }),
  };
}
