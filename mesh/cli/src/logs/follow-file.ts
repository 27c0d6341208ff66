import { open, stat } from "node:fs/promises";

/**
 * Reads what is appended to a file, line by line, over its rotation: when the path leads to another file, the old one is
 * read to its end first. The path is looked at a few times a second; change notices of file systems differ too much and
 * are lost on network mounts.
 */
export class FileFollower {
  readonly path: string;
  #inode: number | undefined;
  #position: number;

  private constructor(path: string, inode: number | undefined, position: number) {
    this.path = path;
    this.#inode = inode;
    this.#position = position;
  }

  /** Begins at the file's current end. */
  static async atEnd(path: string): Promise<FileFollower> {
    const found = await stat(path).catch(() => undefined);
    return new FileFollower(path, found?.ino, found?.size ?? 0);
  }

  /** How far the current file has been read. */
  get position(): number {
    return this.#position;
  }

  /** The whole lines that have come since the last call. */
  async read(): Promise<string[]> {
    const found = await stat(this.path).catch(() => undefined);
    if (found === undefined) {
      return [];
    }
    const lines: string[] = [];
    if (found.ino !== this.#inode) {
      if (this.#inode !== undefined) {
        lines.push(...(await this.#readFrom(`${this.path}.1`)));
      }
      this.#inode = found.ino;
      this.#position = 0;
    }
    if (found.size > this.#position) {
      lines.push(...(await this.#readFrom(this.path)));
    }
    return lines;
  }

  async #readFrom(path: string): Promise<string[]> {
    const file = await open(path, "r").catch(() => undefined);
    if (file === undefined) {
      return [];
    }
    try {
      const chunks: Buffer[] = [];
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(65_536), 0, 65_536, this.#position);
        if (bytesRead === 0) {
          break;
        }
        chunks.push(buffer.subarray(0, bytesRead));
        this.#position += bytesRead;
      }
      const text = Buffer.concat(chunks);
      // Cut at the last newline as bytes: the chunk may end inside a character.
      const end = text.lastIndexOf(10) + 1;
      this.#position -= text.length - end;
      return text
        .toString("utf8", 0, end)
        .split("\n")
        .filter((line) => line !== "");
    } finally {
      await file.close();
    }
  }
}
