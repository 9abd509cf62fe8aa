import "server-only";
import { text } from "node:stream/consumers";
import { artifact } from "@/contracts/artifact.ts";
import { run, type Run } from "@/contracts/run.ts";
import { verificationReport, verificationReportName, verificationSummary, type Verification, type VerificationReport } from "@/contracts/verification.ts";
import type { Db } from "@/lib/supabase/client.ts";
import { openBytes } from "./artifact-content.ts";
import { columns, readRows } from "./rpc.ts";
import { getRun } from "./runs.ts";

const artifactColumns = columns(artifact.shape, { byte_size: "text" });
/** 200 tables with 20 rows each may be long; what is longer is read as the artifact that it is. */
const mostBytes = 4 * 1024 * 1024;

/** The newest verification of a run, or the run itself where it is one. Throws `not_found`, `storage_unavailable`. */
export async function getVerification(db: Db, runId: string): Promise<Verification> {
  const asked = await getRun(db, runId);
  const verifying = asked.repair_mode === "verify" ? asked : await newestVerification(db, runId);
  const original = asked.repair_mode === "verify" ? (asked.repairs_run_id ?? runId) : asked.run_id;
  if (verifying === null) return { run_id: original, verification_run_id: null, status: null, finished_at: null, verdict: null, report: null };
  const { run_id: verification_run_id, status, finished_at } = verifying;
  const summary = verificationSummary.safeParse(verifying.output_manifest?.["verification"]);
  const base = { run_id: original, verification_run_id, status, finished_at };
  if (!summary.success) return { ...base, verdict: null, report: null };
  return { ...base, verdict: summary.data.verdict, report: await readReport(db, verification_run_id, summary.data.report_sha256) };
}

async function newestVerification(db: Db, runId: string): Promise<Run | null> {
  const [found] = await readRows(run, db.from("run_list").select("*").eq("repairs_run_id", runId).eq("repair_mode", "verify").order("run_id", { ascending: false }).limit(1));
  return found ?? null;
}

async function readReport(db: Db, runId: string, sha256: string): Promise<VerificationReport | null> {
  const [stored] = await readRows(artifact, db.from("run_artifacts").select(artifactColumns).eq("run_id", runId).eq("name", verificationReportName).eq("sha256", sha256).limit(1));
  if (stored === undefined || Number(stored.byte_size) > mostBytes) return null;
  const parsed = verificationReport.safeParse(JSON.parse(await text(await openBytes(sha256))));
  return parsed.success ? parsed.data : null;
}
