/**
 * How Node is started for a process on the mesh.
 *
 * Collections of the young generation run on one thread: V8 would share them among helpers and wait for every one, and a
 * helper that waits for a processor, as it does when a caller and its peer keep a machine busy, makes a pause of 2 ms one of
 * 20 (measured: `tail-half` in loadtest/README.md).
 *
 * The call context is carried by V8 itself (AsyncContextFrame, the default from Node 24 on) instead of by hooks that Node runs
 * for every promise: a request through the gateway costs a fifth less.
 *
 * TypeScript is stripped of its types once, not at each start (bin/stripped-types.js).
 */
export const nodeFlags: readonly string[] = [
  "--disable-warning=ExperimentalWarning",
  "--no-parallel-scavenge",
  "--experimental-async-context-frame",
  `--import=${new URL("../bin/stripped-types.js", import.meta.url)}`,
];
