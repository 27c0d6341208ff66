import type { Database } from "@weft/mesh";
import type { DeviceStore } from "../domain/ports.ts";

const isProven = `SELECT 1 FROM devices WHERE user_id = $1 AND device_hash = $2`;

/** Devices become proven where sessions are opened, and are forgotten where sessions are ended: in the session store. */
export function createPostgresDeviceStore(database: Database): DeviceStore {
  return {
    async isProven(userId, deviceHash) {
      const statement = { name: "device_is_proven", text: isProven };
      return (await database.query(statement, [userId, deviceHash])).length > 0;
    },
  };
}
