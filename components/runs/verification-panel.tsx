"use client";

import { useQuery } from "@tanstack/react-query";
import { CircleHelp, Equal, EqualNot, FileBadge, ShieldCheck } from "lucide-react";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { fetchJson } from "@/components/common/fetch-json";
import { Link, useEnvironmentHref } from "@/components/common/link";
import { roleNeeded } from "@/components/common/needs-role";
import { newKey } from "@/components/common/new-key";
import { Time } from "@/components/common/time";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import { Tooltip } from "@/components/ui/tooltip";
import type { Run } from "@/contracts/run";
import { differenceWords } from "@/contracts/difference-words";
import { isTerminal } from "@/contracts/words";
import type { RowDifference, TableDifference, Verification, VerificationReport } from "@/contracts/verification";
import { cn } from "@/lib/cn";
import { truncateMiddle } from "@/lib/format";
import { words } from "@/lib/messages/run-panels";
import type { RunActionSet } from "./run-actions";

/** While a verification is under way. */
const pollMs = 3_000;

type VerificationPanelProps = { run: Run; canOperate: boolean; retry: RunActionSet["retry"] };

/** Was the run executed again in isolation, and did the same come out? Else which tables, columns and rows differ. */
export function VerificationPanel({ run, canOperate, retry }: VerificationPanelProps) {
  const { data, error } = useQuery({
    queryKey: ["run", run.run_id, "verification"],
    queryFn: ({ signal }) => fetchJson<Verification>(`/api/v1/runs/${run.run_id}/verification`, signal),
    enabled: run.status === "succeeded" || run.isolated,
    // Asked again whenever the page is opened: a verification is a run of its own, which may have ended meanwhile.
    staleTime: 0,
    refetchInterval: (query) => (query.state.data?.status && !isTerminal(query.state.data.status) ? pollMs : false),
  });
  if (run.status !== "succeeded" && !run.isolated) return null;
  return (
    <section data-slot="verification" data-verdict={data?.verdict ?? "none"} className="grid gap-2">
      <div className="flex flex-wrap items-center gap-3">
        <h2 className="text-sm font-semibold">{words.verificationPanel.verification}</h2>
        {run.isolated ? null : <VerifyButton run={run} canOperate={canOperate} retry={retry} again={data?.verification_run_id != null} />}
        {run.status === "succeeded" ? (
          <Button asChild size="sm" variant="ghost">
            <a href={`/api/v1/runs/${run.run_id}/provenance`} download={`provenance-${run.run_id}.json`}><FileBadge aria-hidden />{words.verificationPanel.signedProvenance}</a>
          </Button>
        ) : null}
      </div>
      {error ? <p className="text-failed">{error.message}</p> : data ? <Verdict verification={data} here={run.run_id} /> : <p className="text-muted-foreground">{words.verificationPanel.loading}</p>}
      {data?.report ? <Differences report={data.report} /> : null}
    </section>
  );
}

function VerifyButton({ run, canOperate, retry, again }: VerificationPanelProps & { again: boolean }) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const { pending, act } = useAct();
  // One key for one intention: a second click gives the same run.
  const [key] = useState(newKey);
  const verify = () => act(() => retry(run.run_id, "verify", key), ({ run_id }) => router.push(inEnvironment(`/runs/${run_id}?tab=verdict`)));
  return (
    <Tooltip content={canOperate ? words.verificationPanel.runsItAgainInIsolation : roleNeeded("operator")}>
      <Button size="sm" variant="outline" disabled={pending} aria-disabled={!canOperate} onClick={() => canOperate && verify()}>
        <ShieldCheck aria-hidden />
        {again ? words.verificationPanel.verifyAgain : words.verificationPanel.verify}
      </Button>
    </Tooltip>
  );
}

function Verdict({ verification, here }: { verification: Verification; here: string }) {
  const { verification_run_id, run_id, status, verdict, finished_at, report } = verification;
  if (verification_run_id === null) return <p className="text-muted-foreground">{words.verificationPanel.nobodyHasVerifiedThisRunYet}</p>;
  const other = here === run_id ? verification_run_id : run_id;
  const link = <Link href={`/runs/${other}?tab=verdict`} className="font-mono text-xs underline underline-offset-4">{truncateMiddle(other)}</Link>;
  if (status !== null && !isTerminal(status)) return <p role="status" className="text-muted-foreground">{here === run_id ? words.verificationPanel.openElsewhere[status === "queued" ? "waits" : "runs"](link) : words.verificationPanel.open[status === "queued" ? "waits" : "runs"]}</p>;
  const look = verdict === null ? { icon: CircleHelp, color: "text-muted-foreground" } : verdict === "differs" ? { icon: EqualNot, color: "text-failed" } : { icon: Equal, color: "text-succeeded" };
  return (
    <p className={cn("flex flex-wrap items-center gap-x-1.5 gap-y-0.5 font-medium", look.color)}>
      <look.icon className="size-4 shrink-0" aria-hidden />
      <span>
        {verdict === null ? <>{words.verificationPanel.nothingIsProvenTheVerification(status)}</> : verdict === "differs" ? <>{words.verificationPanel.somethingElseCameOutThan(link)}</> : <>{words.verificationPanel.theSameCameOut(link)}</>}
        {report ? `: ${wordsOf(report)}` : null}. <Time at={finished_at} className="font-normal text-muted-foreground" />
      </span>
    </p>
  );
}

function wordsOf({ verdict, phases, tables, differences, facts }: VerificationReport): string {
  const compared = words.verificationPanel.tablesInPhases(words.verificationPanel.tables(tables), words.verificationPanel.phases(phases));
  if (verdict === "equal") return words.verificationPanel.byteForByte(compared);
  if (verdict === "same_rows") return words.verificationPanel.theBytesDifferTheRows(compared);
  const unequal = differences.filter((each) => each.verdict !== "same_rows").length;
  return words.verificationPanel.both([...(unequal > 0 ? [words.verificationPanel.ofTables(unequal, tables)] : []), ...(facts.length > 0 ? [words.verificationPanel.factsOf(facts.map(({ phase }) => phase).join(", "))] : [])]);
}

function Differences({ report }: { report: VerificationReport }) {
  const shown = report.differences.filter((each) => each.verdict !== "same_rows");
  return (
    <>
      {shown.map((table) => <TableDifferences key={`${table.phase} ${table.dataset}`} table={table} />)}
      {report.facts.map(({ phase, paths }) => (
        <p key={phase} className="text-sm"><code className="text-xs">{phase}</code>: {paths[0] === "" ? words.verificationPanel.hasAnOutputOnOne : <code className="text-xs break-all">{paths.join(", ")}</code>}</p>
      ))}
    </>
  );
}

function TableDifferences({ table }: { table: TableDifference }) {
  return (
    <div className="grid gap-1">
      <p className="text-sm">{words.verificationPanel.ofPhase(<code className="text-xs font-semibold">{table.dataset}</code>, <code className="text-xs">{table.phase}</code>, differenceWords(table))}</p>
      {table.sample.length === 0 ? null : (
        <Table label={words.verificationPanel.rowsOfThatDiffer(table.dataset)} dense>
          <TableHeader><TableRow><TableHead>{words.verificationPanel.row}</TableHead><TableHead>{words.verificationPanel.is}</TableHead><TableHead>{words.verificationPanel.column}</TableHead><TableHead>{words.verificationPanel.original}</TableHead><TableHead>{words.verificationPanel.again}</TableHead></TableRow></TableHeader>
          <TableBody>{table.sample.map((row, index) => <RowLines key={index} row={row} />)}</TableBody>
        </Table>
      )}
    </div>
  );
}

function RowLines({ row }: { row: RowDifference }) {
  const key = Object.entries(row.key).map(([name, value]) => `${name}=${value ?? "null"}`).join(" ");
  const values = Object.entries(row.values);
  const lines = values.length === 0 ? [["", null] as const] : values;
  return lines.map(([column, value], index) => (
    <TableRow key={column}>
      <TableCell className="max-w-96 font-mono text-xs break-all whitespace-normal">{index === 0 ? key : ""}</TableCell>
      <TableCell className="text-xs">{index === 0 ? row.kind : ""}</TableCell>
      <TableCell className="font-mono text-xs">{column}</TableCell>
      <TableCell className="max-w-72 font-mono text-xs break-all whitespace-normal">{value === null ? "" : (value.original ?? words.verificationPanel.null)}</TableCell>
      <TableCell className="max-w-72 font-mono text-xs break-all whitespace-normal">{value === null ? "" : (value.again ?? words.verificationPanel.null)}</TableCell>
    </TableRow>
  ));
}
