/*
 * The little that has to be read of a simulation's frame in the simulator's layout (version 1, little-endian) to know whose it
 * is: behind header and columns come the names, the simulation's first. All else is the reader's, who has a decoder for it.
 */

const magic = 0x54464557;
const shortestHeader = 112;

/** Undefined when the bytes are no frame. */
export function channelOfBinaryFrame(bytes: Uint8Array): { channel: string; skipped: number } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < shortestHeader || view.getUint32(0, true) !== magic || view.getUint8(4) !== 1) {
    return undefined;
  }
  const namesAt = view.getUint16(6, true) + 4 * view.getUint16(104, true) * view.getUint16(106, true);
  if (namesAt + 2 > bytes.byteLength) {
    return undefined;
  }
  const name = bytes.subarray(namesAt + 2, namesAt + 2 + view.getUint16(namesAt, true));
  return { channel: `simulation:${new TextDecoder().decode(name)}`, skipped: view.getUint32(100, true) };
}
