import { watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { MtlsSettings } from "../config/mesh-config.ts";
import { MeshError } from "../errors.ts";
import type { CredentialFiles, CredentialPaths } from "./credentials.ts";

/** How the files are reached; tests bring their own. */
export interface FileAccess {
  read(path: string): Promise<string>;
  /** Calls back when something in the folder changes, as far as the system tells. Returns how to stop. */
  watch(directory: string, onChange: () => void): () => void;
}

export const diskAccess: FileAccess = {
  read: (path) => readFile(path, "utf8"),
  watch: (directory, onChange) => {
    try {
      const watcher = watch(directory, { persistent: false }, onChange);
      // A folder that goes away, or a system without notices: the regular look at the files is enough.
      watcher.on("error", () => watcher.close());
      return () => watcher.close();
    } catch {
      return () => undefined;
    }
  },
};

/** The files of a service: those that are named, and for the rest `<service>.pem`, `<service>.key`, `ca.pem`. */
export function credentialPaths(settings: MtlsSettings, service: string): CredentialPaths {
  const { certsDir = "", certFile, keyFile, caFile } = settings;
  return {
    cert: certFile ?? join(certsDir, `${service}.pem`),
    key: keyFile ?? join(certsDir, `${service}.key`),
    ca: caFile ?? join(certsDir, "ca.pem"),
  };
}

/** The folders that hold the files. Folders are watched, since a file that is replaced is another file. */
export function foldersOf(paths: CredentialPaths): string[] {
  return [...new Set([paths.cert, paths.key, paths.ca].map((path) => dirname(path)))];
}

/** Throws CONFIG_INVALID, naming the file that cannot be read. */
export async function readCredentialFiles(paths: CredentialPaths, access: FileAccess): Promise<CredentialFiles> {
  const read = async (path: string, setting: string): Promise<string> => {
    try {
      return await access.read(path);
    } catch (cause) {
      const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
      throw new MeshError(
        "CONFIG_INVALID",
        `WEFT_MTLS is on, and ${path} ${missing ? "does not exist" : "cannot be read"}; ` +
          `\`weft certs\` makes certificates for development, WEFT_CERTS_DIR or ${setting} name others`,
        { cause },
      );
    }
  };
  const [cert, key, ca] = await Promise.all([
    read(paths.cert, "WEFT_TLS_CERT"),
    read(paths.key, "WEFT_TLS_KEY"),
    read(paths.ca, "WEFT_TLS_CA"),
  ]);
  return { cert, key, ca };
}
