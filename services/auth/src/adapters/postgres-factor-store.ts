/**
 * Authenticator apps and recovery codes in PostgreSQL. A code is used up by one statement, so of two that present the same
 * one succeeds. What makes a factor the first or the last of an account is decided under a lock on the account's row:
 * recovery codes come with the first and go with the last, and a closed account gets none.
 */

import type { Database, Transaction } from "@weft/mesh";
import type { FactorStore, FirstFactorCodes } from "../domain/factor-ports.ts";
import { lockActiveAccount } from "./postgres-account-lock.ts";

const summary = `
  SELECT t.created_at, t.last_used_at,
         (SELECT count(*)::int FROM recovery_codes WHERE user_id = $1) AS recovery_codes,
         (SELECT count(*)::int FROM passkeys WHERE user_id = $1) AS passkeys
  FROM (SELECT 1) one LEFT JOIN totp_factors t ON t.user_id = $1 AND t.confirmed`;
const beginTotp = `
  INSERT INTO totp_factors (user_id, confirmed, sealed_secret, created_at)
  SELECT user_id, false, $2::bytea, $3::timestamptz FROM accounts WHERE user_id = $1 AND state = 'active'
  ON CONFLICT (user_id, confirmed) DO UPDATE
  SET sealed_secret = excluded.sealed_secret, created_at = excluded.created_at`;
const findTotp = `SELECT sealed_secret, created_at FROM totp_factors WHERE user_id = $1 AND confirmed = $2`;
const removeConfirmed = `DELETE FROM totp_factors WHERE user_id = $1 AND confirmed RETURNING user_id`;
const confirmPending = `
  UPDATE totp_factors SET confirmed = true, last_step = $3, created_at = $4
  WHERE user_id = $1 AND NOT confirmed AND sealed_secret = $2`;
const isPending = `SELECT 1 FROM totp_factors WHERE user_id = $1 AND NOT confirmed AND sealed_secret = $2 FOR UPDATE`;
const claimStep = `
  UPDATE totp_factors SET last_step = $3, last_used_at = $4
  WHERE user_id = $1 AND confirmed AND sealed_secret = $2 AND last_step < $3
  RETURNING user_id`;
const takeCode = `DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2 RETURNING user_id`;
const countCodes = `SELECT count(*)::int AS left FROM recovery_codes WHERE user_id = $1`;
const removeCodes = `DELETE FROM recovery_codes WHERE user_id = $1`;
const addCodes = `INSERT INTO recovery_codes (user_id, code_hash) SELECT $1, unnest($2::bytea[])`;
const hasFactor = `
  SELECT 1 FROM totp_factors WHERE user_id = $1 AND confirmed UNION ALL SELECT 1 FROM passkeys WHERE user_id = $1 LIMIT 1`;
const strengthenSession = `UPDATE sessions SET second_factor_at = $3 WHERE id = $2 AND user_id = $1 AND ended_at IS NULL`;
const removeAllTotp = `DELETE FROM totp_factors WHERE user_id = $1`;
const removeAllPasskeys = `DELETE FROM passkeys WHERE user_id = $1`;
const removeOldPending = `DELETE FROM totp_factors WHERE NOT confirmed AND created_at < $1`;

/** A set-up that nobody finished within a day is forgotten. */
const pendingKeptMs = 24 * 3_600_000;

interface SummaryRow {
  created_at: Date | null;
  last_used_at: Date | null;
  recovery_codes: number;
  passkeys: number;
}

/** Also removes set-ups that were never finished. */
export function createPostgresFactorStore(
  database: Database,
): FactorStore & { removeOld(nowMs: number): Promise<void> } {
  return {
    async summary(userId) {
      const statement = { name: "factor_summary", text: summary };
      const [row] = await database.query<SummaryRow>(statement, [userId]);
      const createdAtMs = row?.created_at?.getTime();
      const totp = createdAtMs === undefined ? undefined : { createdAtMs, lastUsedAtMs: row?.last_used_at?.getTime() };
      return { totp, recoveryCodes: row?.recovery_codes ?? 0, passkeys: row?.passkeys ?? 0 };
    },
    async beginTotp({ userId, sealedSecret, atMs }) {
      await database.query({ name: "begin_totp", text: beginTotp }, [userId, sealedSecret, new Date(atMs)]);
    },
    async findTotp(userId, confirmed) {
      const statement = { name: "find_totp", text: findTotp };
      const rows = await database.query<{ sealed_secret: Uint8Array; created_at: Date }>(statement, [
        userId,
        confirmed,
      ]);
      const [row] = rows;
      return row && { sealedSecret: row.sealed_secret, createdAtMs: row.created_at.getTime() };
    },
    confirmTotp: ({ userId, sealedSecret, step, atMs, ...first }) =>
      database.transaction(async (transaction) => {
        if (!(await lockActiveAccount(transaction, userId))) {
          return undefined;
        }
        const pending = { name: "totp_is_pending", text: isPending };
        if ((await transaction.query(pending, [userId, sealedSecret])).length === 0) {
          return undefined;
        }
        const isFirst = await addFirstFactorCodes(transaction, userId, first, atMs);
        await transaction.query({ name: "remove_totp", text: removeConfirmed }, [userId]);
        const values = [userId, sealedSecret, step, new Date(atMs)];
        await transaction.query({ name: "confirm_totp", text: confirmPending }, values);
        return { first: isFirst };
      }),
    async claimTotpStep({ userId, sealedSecret, step, atMs }) {
      const values = [userId, sealedSecret, step, new Date(atMs)];
      return (await database.query({ name: "claim_totp_step", text: claimStep }, values)).length > 0;
    },
    removeTotp: (userId) =>
      database.transaction(async (transaction) => {
        await lockActiveAccount(transaction, userId);
        const removed = await transaction.query({ name: "remove_totp", text: removeConfirmed }, [userId]);
        await removeCodesWithLastFactor(transaction, userId);
        return removed.length > 0;
      }),
    async takeRecoveryCode(userId, codeHash) {
      const taken = await database.query({ name: "take_recovery_code", text: takeCode }, [userId, codeHash]);
      if (taken.length === 0) {
        return undefined;
      }
      const statement = { name: "count_recovery_codes", text: countCodes };
      return (await database.query<{ left: number }>(statement, [userId]))[0]?.left ?? 0;
    },
    replaceRecoveryCodes: (userId, codeHashes) =>
      database.transaction(async (transaction) => {
        if (!(await lockActiveAccount(transaction, userId)) || !(await hasSecondFactor(transaction, userId))) {
          return false;
        }
        await transaction.query({ name: "remove_recovery_codes", text: removeCodes }, [userId]);
        await transaction.query({ name: "add_recovery_codes", text: addCodes }, [userId, codeHashes]);
        return true;
      }),
    async removeOld(nowMs) {
      const statement = { name: "remove_old_pending_totp", text: removeOldPending };
      await database.query(statement, [new Date(nowMs - pendingKeptMs)]);
    },
  };
}

/** To be called before the factor is there, under the lock; true when it is the account's first. */
export async function addFirstFactorCodes(
  transaction: Transaction,
  userId: string,
  { recoveryCodes, sessionId }: FirstFactorCodes,
  atMs: number,
): Promise<boolean> {
  const values = [userId, sessionId, new Date(atMs)];
  await transaction.query({ name: "strengthen_session", text: strengthenSession }, values);
  if (await hasSecondFactor(transaction, userId)) {
    return false;
  }
  await transaction.query({ name: "add_recovery_codes", text: addCodes }, [userId, recoveryCodes]);
  return true;
}

/** To be called after a factor was removed, under the lock. */
export async function removeCodesWithLastFactor(transaction: Transaction, userId: string): Promise<void> {
  if (!(await hasSecondFactor(transaction, userId))) {
    await transaction.query({ name: "remove_recovery_codes", text: removeCodes }, [userId]);
  }
}

/** For the transaction that closes an account; challenges are void with it. */
export async function removeFactorsOfUser(transaction: Transaction, userId: string): Promise<void> {
  await transaction.query({ name: "remove_totp_of_user", text: removeAllTotp }, [userId]);
  await transaction.query({ name: "remove_passkeys_of_user", text: removeAllPasskeys }, [userId]);
  await transaction.query({ name: "remove_recovery_codes", text: removeCodes }, [userId]);
}

async function hasSecondFactor(transaction: Transaction, userId: string): Promise<boolean> {
  return (await transaction.query({ name: "has_second_factor", text: hasFactor }, [userId])).length > 0;
}
