/**
 * Who holds a port, as the mesh finds out for its own listeners too. Loaded only once a port is taken: the mesh brings
 * half a second of code that a start without trouble does not need.
 */
export async function findPortHolder(port: number): Promise<{ pid: number; command: string } | undefined> {
  const mesh = await import("@weft/mesh");
  return await mesh.findPortHolder(port);
}
