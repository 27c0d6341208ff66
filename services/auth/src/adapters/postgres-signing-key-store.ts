import type { Database } from "@weft/mesh";
import type { PublicJwk } from "../verifier/jwks-cache.ts";
import type { SigningKeyStore, StoredKey } from "./key-ring.ts";

const list = `SELECT kid, created_at, public_jwk, sealed_private_jwk FROM signing_keys ORDER BY created_at DESC, kid`;
const add = `INSERT INTO signing_keys (kid, created_at, public_jwk, sealed_private_jwk) VALUES ($1, $2, $3, $4)`;
const remove = `DELETE FROM signing_keys WHERE kid = ANY($1)`;
/** Held to the end of the transaction; the name is hashed, since advisory locks are numbers. */
const lock = `SELECT pg_advisory_xact_lock(hashtext('weft auth signing keys'))`;

interface KeyRow {
  kid: string;
  created_at: Date;
  public_jwk: PublicJwk;
  sealed_private_jwk: Uint8Array;
}

/** Signing keys in PostgreSQL; changes are serialised over all instances by an advisory lock. */
export function createPostgresSigningKeyStore(database: Database): SigningKeyStore {
  return {
    list: async () => (await database.query<KeyRow>(list)).map(storedKey),
    change: (change) =>
      database.transaction(async (transaction) => {
        await transaction.query(lock);
        const current = (await transaction.query<KeyRow>(list)).map(storedKey);
        const wanted = await change(current);
        for (const { kid, createdAtMs, publicJwk, sealedPrivateJwk } of wanted.add) {
          const values = [kid, new Date(createdAtMs), JSON.stringify(publicJwk), Buffer.from(sealedPrivateJwk)];
          await transaction.query(add, values);
        }
        await transaction.query(remove, [[...wanted.remove]]);
      }),
  };
}

function storedKey(row: KeyRow): StoredKey {
  return {
    kid: row.kid,
    createdAtMs: row.created_at.getTime(),
    publicJwk: row.public_jwk,
    sealedPrivateJwk: row.sealed_private_jwk,
  };
}
