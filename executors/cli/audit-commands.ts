import type { AuditVerification } from "../../contracts/audit.ts";
import { request, type Connection } from "./connection.ts";
import { exit, plain, type ExitCode, type Output } from "./output.ts";

/** Walks the whole chain of an organization, whatever its length; answers 1 where anything does not fit. */
export async function verifyAudit(connection: Connection, output: Output, options: { organization?: string }): Promise<ExitCode> {
  const organization = options.organization === undefined ? {} : { organization: options.organization };
  let checked = 0;
  let walk: AuditVerification;
  let after_seq = "0";
  do {
    walk = await request(connection, "verify_audit", { query: { ...organization, after_seq } });
    checked += walk.checked;
    after_seq = walk.last_seq;
    if (!walk.complete) output.note(`${checked} links fit so far`);
  } while (!walk.complete);
  const sound = walk.broken === null && (walk.heads?.broken ?? null) === null;
  if (output.json) output.value({ ...walk, checked, sound });
  else printVerification(output, walk, checked);
  return sound ? exit.ok : exit.failed;
}

const breaks: Record<NonNullable<AuditVerification["broken"]>["reason"], string> = {
  link_missing: "a link before this one is missing",
  entry_missing: "the entry was removed",
  entry_changed: "the entry or its link was changed",
  entry_added: "the entry was slipped in behind the seal",
};
const headBreaks: Record<NonNullable<NonNullable<AuditVerification["heads"]>["broken"]>["reason"], string> = {
  signature_invalid: "it is not signed by this installation",
  chain_cut: "the chain ends before it: the end was cut off, or an older database was restored",
  chain_differs: "the chain has another link there: it was written anew",
};

function printVerification(output: Output, { broken, heads, hash, unsealed }: AuditVerification, checked: number): void {
  if (broken === null) output.line(`${output.paint("green", "sound")}: ${checked} links fit${hash === null ? "" : `, the last is ${hash}`}`);
  else output.line(`${output.paint("red", "broken")} at ${broken.seq === null ? "an entry without a link" : `link ${broken.seq}`}, entry ${plain(broken.audit_id ?? "unknown")}: ${breaks[broken.reason]}`);
  if (unsealed !== null && unsealed > 0) output.line(`${unsealed} entries wait for their seal`);
  if (heads === null) output.line("No heads are stored outside the database: a cut-off end would not show.");
  else if (heads.broken !== null) output.line(`${output.paint("red", "broken")} head ${heads.broken.number}: ${headBreaks[heads.broken.reason]}`);
  else output.line(`${heads.checked} of ${heads.stored} stored heads fit${heads.newest === null ? "" : `, the newest signed at ${heads.newest.signed_at} for link ${heads.newest.seq}`}`);
}
