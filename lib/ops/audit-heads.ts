import "server-only";
import { auditHead, type AuditHead } from "@/contracts/audit.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import { artifactStore, storageError, type Storage } from "@/lib/storage.ts";
import { signText, verifyText } from "./signing-key.ts";

// Heads are numbered without a gap, each stored once and never replaced: so the newest is found by asking which numbers are there,
// and a database that was set back meets the heads of what it has forgotten.
const pathOf = (organization: string, number: number): string => `audit/${organization}/${String(number).padStart(9, "0")}.json`;
const signedText = ({ version, organization_id, number, seq, hash, signed_at }: Omit<AuditHead, "signature">): string => [version, organization_id, number, seq, hash, signed_at].join(".");

/** Throws `not_configured`, `storage_unavailable`. */
export async function openHeads(): Promise<Storage> {
  return artifactStore();
}

/** Signs the tip and stores it under its number. Answers the head that is there: this one, or what another wrote before. */
export async function storeHead(store: Storage, tip: Pick<AuditHead, "organization_id" | "number" | "seq" | "hash">): Promise<AuditHead> {
  const { organization_id, number, seq, hash } = tip;
  const head = { version: 1 as const, organization_id, number, seq, hash, signed_at: new Date().toISOString() };
  const signed = { ...head, signature: signText(signedText(head)) };
  const stored = await store.putIfAbsent(pathOf(tip.organization_id, tip.number), JSON.stringify(signed)).catch(refuse);
  if (stored) return signed;
  return (await readHead(store, tip.organization_id, tip.number)) ?? signed;
}

/** Null where there is none, or what is there is no head. */
export async function readHead(store: Storage, organization: string, number: number): Promise<AuditHead | null> {
  const text = await store.readText(pathOf(organization, number)).catch(refuse);
  if (text === null) return null;
  try {
    return auditHead.parse(JSON.parse(text));
  } catch {
    return null; // whoever wrote it: the verifier says that the signature is not ours
  }
}

/** The highest number that is stored, found in O(log n) looks; 0 where there is none. */
export async function lastHeadNumber(store: Storage, organization: string): Promise<number> {
  const isThere = async (number: number): Promise<boolean> => (await store.stat(pathOf(organization, number)).catch(refuse)) !== null;
  let [there, missing] = [0, 1];
  while (await isThere(missing)) [there, missing] = [missing, missing * 2];
  while (missing - there > 1) {
    const middle = Math.floor((there + missing) / 2);
    if (await isThere(middle)) there = middle;
    else missing = middle;
  }
  return there;
}

export function isOurs({ signature, ...head }: AuditHead): boolean {
  return verifyText(signedText(head), signature);
}

function refuse(error: unknown): never {
  const known = storageError(error);
  throw known instanceof Error ? known : new ControlRoomError("storage_unavailable", undefined, { cause: known });
}
