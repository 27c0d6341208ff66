import { registryContract } from "../testing/contracts/registry-contract.ts";
import { MemoryRegistry } from "./memory-registry.ts";

registryContract("MemoryRegistry", () => {
  const registry = new MemoryRegistry();
  return Promise.resolve({ open: () => registry, close: () => registry.close() });
});
