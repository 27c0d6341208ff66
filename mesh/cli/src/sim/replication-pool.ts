export { defaultPoolSize, OverflowError, ReplicationPool } from "@weft/simulator/studies";
