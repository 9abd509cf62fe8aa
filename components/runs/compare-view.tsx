"use client";

import { parseAsBoolean, useQueryState } from "nuqs";
import { Link } from "@/components/common/link";
import { Duration } from "@/components/common/duration";
import { ShortId } from "@/components/common/short-id";
import { PhaseStatusBadge, StatusBadge } from "@/components/common/status-badge";
import { Time } from "@/components/common/time";
import { Button } from "@/components/ui/button";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Run, RunComparison, RunPhase } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { formatDuration } from "@/lib/format";
import { triggerWords } from "./words";
import { VerdictLine, VerdictTable } from "./verdict";

export type ComparedRun = { run: Run; phases: RunPhase[]; executorName: string | null };

const asText = (value: unknown) => (value === undefined || value === null ? "—" : typeof value === "string" ? value : JSON.stringify(value));
const took = (phase: RunPhase | undefined) => (phase?.started_at && phase.finished_at ? Date.parse(phase.finished_at) - Date.parse(phase.started_at) : null);

/** Two runs side by side: what went in, how long it took, and whether the same came out. */
export function CompareView({ a, b, comparison }: { a: ComparedRun; b: ComparedRun; comparison: RunComparison }) {
  // Equal runs have nothing to hide: then all hashes are the answer. Else the differences are.
  const [all, setAll] = useQueryState("all", parseAsBoolean.withDefault(comparison.verdict !== "differs").withOptions({ history: "replace" }));
  const facts: [string, string, string][] = [
    ["Pipeline", a.run.spec_slug, b.run.spec_slug],
    ["Template version", asText(a.run.template_version), asText(b.run.template_version)],
    ["Spec", a.run.spec_sha256.slice(0, 8), b.run.spec_sha256.slice(0, 8)],
    ["Git", asText(a.run.git_sha?.slice(0, 8)), asText(b.run.git_sha?.slice(0, 8))],
    ["Trigger", triggerWords[a.run.trigger], triggerWords[b.run.trigger]],
    ["Executor", asText(a.executorName), asText(b.executorName)],
    ["Attempts", String(a.run.attempt), String(b.run.attempt)],
    ...[...new Set([...Object.keys(a.run.parameters), ...Object.keys(b.run.parameters)])].toSorted().map((name): [string, string, string] => [`Parameter ${name}`, asText(a.run.parameters[name]), asText(b.run.parameters[name])]),
  ];
  const shownFacts = facts.filter(([, left, right]) => all || left !== right);
  const names = [...new Set([...a.phases, ...b.phases].map((phase) => phase.name))];
  return (
    <div className="grid gap-6">
      <div className="flex flex-wrap items-center gap-3">
        <VerdictLine comparison={comparison} />
        <Button size="sm" variant={all ? "ghost" : "secondary"} aria-pressed={!all} onClick={() => void setAll(!all)} className="ms-auto">Only differences</Button>
      </div>
      <section className="grid gap-2">
        <h2 className="text-sm font-semibold">Runs</h2>
        <Table label="Facts of both runs" dense>
          <TableHeader>
            <TableRow><TableHead><span className="sr-only">Fact</span></TableHead><RunHead side={a} word="Earlier" /><RunHead side={b} word="Later" /></TableRow>
          </TableHeader>
          <TableBody>
            <TableRow><TableHead scope="row">Status</TableHead>{[a, b].map(({ run }, index) => <TableCell key={index}><StatusBadge status={run.status} variant="text" /></TableCell>)}</TableRow>
            <TableRow><TableHead scope="row">Started</TableHead>{[a, b].map(({ run }, index) => <TableCell key={index}><Time at={run.started_at} format="absolute" /></TableCell>)}</TableRow>
            <TableRow><TableHead scope="row">Duration</TableHead>{[a, b].map(({ run }, index) => <TableCell key={index}><Duration from={run.started_at} to={run.finished_at} /></TableCell>)}</TableRow>
            {shownFacts.map(([name, left, right]) => (
              <TableRow key={name}>
                <TableHead scope="row">{name}</TableHead>
                {[left, right].map((value, index) => <TableCell key={index} className={cn("max-w-96 whitespace-normal break-words", left !== right && "font-medium text-warning")}>{value}</TableCell>)}
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </section>
      <section className="grid gap-2">
        <h2 className="text-sm font-semibold">Durations</h2>
        <Table label="Phase durations of both runs" dense>
          <TableHeader><TableRow><TableHead className="w-full">Phase</TableHead><TableHead>Earlier</TableHead><TableHead numeric>Duration</TableHead><TableHead>Later</TableHead><TableHead numeric>Duration</TableHead><TableHead numeric>Change</TableHead></TableRow></TableHeader>
          <TableBody>
            {names.map((name) => {
              const [left, right] = [a, b].map((side) => side.phases.find((phase) => phase.name === name));
              const [before, after] = [took(left), took(right)];
              const change = before === null || after === null ? null : after - before;
              return (
                <TableRow key={name}>
                  <TableHead scope="row">{name}</TableHead>
                  <TableCell>{left ? <PhaseStatusBadge status={left.status} variant="text" /> : "—"}</TableCell>
                  <TableCell numeric className="tabular-nums">{formatDuration(before)}</TableCell>
                  <TableCell>{right ? <PhaseStatusBadge status={right.status} variant="text" /> : "—"}</TableCell>
                  <TableCell numeric className="tabular-nums">{formatDuration(after)}</TableCell>
                  <TableCell numeric className="tabular-nums">{change === null ? "—" : `${change < 0 ? "−" : "+"}${formatDuration(Math.abs(change))}`}</TableCell>
                </TableRow>
              );
            })}
          </TableBody>
        </Table>
      </section>
      <section className="grid gap-2">
        <h2 className="text-sm font-semibold">Output hashes</h2>
        <VerdictTable comparison={comparison} onlyDifferences={!all} />
      </section>
    </div>
  );
}

function RunHead({ side, word }: { side: ComparedRun; word: string }) {
  return (
    <TableHead>
      {word}: <Link href={`/runs/${side.run.run_id}`} className="text-link underline underline-offset-4"><ShortId id={side.run.run_id} what="run id" plain /></Link>
    </TableHead>
  );
}
