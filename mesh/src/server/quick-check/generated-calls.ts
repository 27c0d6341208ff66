/* What the generated checks call. Hardly any allocates. */

/** Whether `assertStorableText` lets it pass. Two native scans beat any loop from about 8 characters on. */
export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** Unicode characters, as protovalidate counts them: of a surrogate pair only the first half counts. */
export function codePoints(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    count += (text.charCodeAt(at) & 0xfc00) === 0xdc00 ? 0 : 1;
  }
  return count;
}

/** Bytes of UTF-8. */
export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** Whether all items surely differ. A Set finds NaN equal to NaN, which protovalidate does not; then we are not sure. */
export function isUnique(items: readonly unknown[]): boolean {
  if (items.length > 16) {
    return new Set(items).size === items.length;
  }
  for (let at = 1; at < items.length; at += 1) {
    for (let before = 0; before < at; before += 1) {
      if (items[before] === items[at]) {
        return false;
      }
    }
  }
  return true;
}
