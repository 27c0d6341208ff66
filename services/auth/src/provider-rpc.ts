/** ProviderService on the wire. No decisions are taken here. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ProviderAnswer as AnswerMessage } from "@weft/proto/weft/auth/v1/provider_pb.ts";
import type { ProviderService } from "@weft/proto/weft/auth/v1/provider_service_pb.ts";
import { clientFacts } from "./client-facts.ts";
import type { ProviderLink, ProviderLinks } from "./domain/provider-links.ts";
import type { ProviderLogins } from "./domain/provider-logins.ts";
import type { ProviderAnswer } from "./domain/provider-ports.ts";
import { admissionMessage } from "./logged-in-message.ts";
import { answered } from "./rpc-errors.ts";
import { sessionCaller } from "./session-rpc.ts";
import { requirePrincipal } from "./verifier/principal.ts";

/** Handlers of weft.auth.v1.ProviderService. */
export function providerRpc(logins: ProviderLogins, links: ProviderLinks): ServiceImpl<typeof ProviderService> {
  return {
    listProviders: async () => ({ providers: [...logins.list()] }),
    beginProviderLogin: (request) => answered(() => logins.begin(request.provider, request.redirectUri)),
    finishProviderLogin: (request, context) =>
      answered(async () => {
        const { loginState, deviceToken } = request;
        const client = clientFacts(context.requestHeader);
        const finished = await logins.finish({ loginState, answer: answerFrom(request.answer), deviceToken, client });
        return { login: admissionMessage(finished.admission), created: finished.created };
      }),
    beginProviderLink: (request, context) =>
      answered(() => {
        const { provider, redirectUri, password, code } = request;
        const shown = { password, code, client: clientFacts(context.requestHeader) };
        return links.begin(sessionCaller(context), { provider, redirectUri, shown });
      }),
    finishProviderLink: (request, context) =>
      answered(async () => {
        const client = clientFacts(context.requestHeader);
        const { loginState } = request;
        const link = await links.finish(sessionCaller(context), {
          loginState,
          answer: answerFrom(request.answer),
          client,
        });
        return { linked: linkMessage(link) };
      }),
    listLinkedProviders: (_request, context) =>
      answered(async () => ({ linked: (await links.list(requirePrincipal(context).userId)).map(linkMessage) })),
    unlinkProvider: (request, context) =>
      answered(async () => {
        const { provider, password, code } = request;
        const shown = { password, code, client: clientFacts(context.requestHeader) };
        await links.unlink(sessionCaller(context), { provider, shown });
        return {};
      }),
  };
}

/** Without an answer the fields are empty, and an empty state fits no login. */
function answerFrom({ code = "", state = "", iss = "", error = "" }: Partial<AnswerMessage> = {}): ProviderAnswer {
  return { code, state, iss, error };
}

function linkMessage({ provider, email, linkedAtMs, lastUsedAtMs }: ProviderLink) {
  const used = lastUsedAtMs === undefined ? {} : { lastUsedAt: timestampFromMs(lastUsedAtMs) };
  return { provider, email, linkedAt: timestampFromMs(linkedAtMs), ...used };
}
