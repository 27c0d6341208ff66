import type { CallerPolicy } from "@weft/mesh";

/*
 * Which services may call which RPC: people work on projects through the gateway, and a simulation reads the project that it
 * simulates.
 */
export const callers: CallerPolicy = {
  "*": ["gateway-service"],
  "weft.project.v1.ProjectService/GetProject": ["gateway-service", "simulation-service"],
};
