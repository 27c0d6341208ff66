import { importCompose } from "./import-compose.ts";
import { importKubernetes } from "./import-kubernetes.ts";
import { Findings, ImportError, type ImportResult } from "./import-result.ts";
import { importWeft } from "./import-weft.ts";
import { textAt, valueAt } from "./located-access.ts";
import { type Located, readYaml } from "./located-yaml.ts";

export type ArchitectureFormat = "weft" | "compose" | "kubernetes";

/**
 * Reads an architecture file of any kind that can be imported, and says which kind it was. It is told by the content, so
 * that standard input needs no name: Kubernetes objects have apiVersion and kind, a compose file has services, and ours has
 * components, links or workloads, at the top or under `architecture`. Throws ImportError when it is none of them or cannot
 * be read.
 */
export function readArchitecture(content: string): ImportResult & { readonly format: ArchitectureFormat } {
  const format = formatOf(readYaml(content, new Findings(), { skipBadDocuments: true }));
  if (format === undefined) {
    // A file that is not YAML at all says more by its own error, which names the place.
    readYaml(content, new Findings());
    throw new ImportError(
      "this is no architecture file: neither components (weft), services (compose) nor apiVersion and kind (Kubernetes)",
    );
  }
  const readers = { weft: importWeft, compose: importCompose, kubernetes: importKubernetes };
  return { ...readers[format](content), format };
}

function formatOf(documents: readonly Located[]): ArchitectureFormat | undefined {
  if (documents.some((document) => textAt(document, "apiVersion") !== undefined && textAt(document, "kind"))) {
    return "kubernetes";
  }
  const [first] = documents;
  const sections = ["components", "links", "workloads", "architecture"];
  if (sections.some((section) => valueAt(first, section) !== undefined)) return "weft";
  return valueAt(first, "services") === undefined ? undefined : "compose";
}
