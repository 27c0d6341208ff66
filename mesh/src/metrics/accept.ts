import type { TextFormat } from "./text-format.ts";

/**
 * Which format a scraper wants, from its `Accept` header: OpenMetrics only when it is named and nothing else of ours is
 * preferred to it. Browsers, curl and whoever sends no header get Prometheus text.
 */
export function formatFor(accept: string | undefined): TextFormat {
  let openMetrics = 0;
  let plainText = 0;
  for (const range of (accept ?? "").toLowerCase().split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
    const quality = qualityOf(parameters);
    if (type === "application/openmetrics-text" && !parameters.some((one) => /^version=(?!1\.0\.0$)/.test(one))) {
      openMetrics = Math.max(openMetrics, quality);
    } else if (type === "text/plain") {
      plainText = Math.max(plainText, quality);
    }
  }
  return openMetrics > 0 && openMetrics >= plainText ? "openmetrics" : "prometheus";
}

/** 1 without a "q", or with one that is no number from 0 to 1. */
function qualityOf(parameters: readonly string[]): number {
  const text = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
  const quality = Number(text ?? 1);
  return quality >= 0 && quality <= 1 ? quality : 1;
}
