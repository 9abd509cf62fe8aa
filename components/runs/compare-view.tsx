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
import { words } from "@/lib/messages/compare";
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
    [words.compareView.pipeline, a.run.spec_slug, b.run.spec_slug],
    [words.compareView.templateVersion, asText(a.run.template_version), asText(b.run.template_version)],
    [words.compareView.spec, a.run.spec_sha256.slice(0, 8), b.run.spec_sha256.slice(0, 8)],
    [words.compareView.git, asText(a.run.git_sha?.slice(0, 8)), asText(b.run.git_sha?.slice(0, 8))],
    [words.compareView.trigger, triggerWords[a.run.trigger], triggerWords[b.run.trigger]],
    [words.compareView.executor, asText(a.executorName), asText(b.executorName)],
    [words.compareView.attempts, String(a.run.attempt), String(b.run.attempt)],
    ...[...new Set([...Object.keys(a.run.parameters), ...Object.keys(b.run.parameters)])].toSorted().map((name): [string, string, string] => [words.compareView.parameter(name), asText(a.run.parameters[name]), asText(b.run.parameters[name])]),
  ];
  const shownFacts = facts.filter(([, left, right]) => all || left !== right);
  const names = [...new Set([...a.phases, ...b.phases].map((phase) => phase.name))];
  return (
    <div className="grid gap-6">
      <div className="flex flex-wrap items-center gap-3">
        <VerdictLine comparison={comparison} />
        <Button size="sm" variant={all ? "ghost" : "secondary"} aria-pressed={!all} onClick={() => void setAll(!all)} className="ms-auto">{words.compareView.onlyDifferences}</Button>
      </div>
      <section className="grid gap-2">
        <h2 className="text-sm font-semibold">{words.compareView.runs}</h2>
        <Table label={words.compareView.factsOfBothRuns} dense>
          <TableHeader>
            <TableRow><TableHead><span className="sr-only">{words.compareView.fact}</span></TableHead><RunHead side={a} word={words.compareView.earlier} /><RunHead side={b} word={words.compareView.later} /></TableRow>
          </TableHeader>
          <TableBody>
            <TableRow><TableHead scope="row">{words.compareView.status}</TableHead>{[a, b].map(({ run }, index) => <TableCell key={index}><StatusBadge status={run.status} variant="text" /></TableCell>)}</TableRow>
            <TableRow><TableHead scope="row">{words.compareView.started}</TableHead>{[a, b].map(({ run }, index) => <TableCell key={index}><Time at={run.started_at} format="absolute" /></TableCell>)}</TableRow>
            <TableRow><TableHead scope="row">{words.compareView.duration}</TableHead>{[a, b].map(({ run }, index) => <TableCell key={index}><Duration from={run.started_at} to={run.finished_at} /></TableCell>)}</TableRow>
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
        <h2 className="text-sm font-semibold">{words.compareView.durations}</h2>
        <Table label={words.compareView.phaseDurationsOfBothRuns} dense>
          <TableHeader><TableRow><TableHead className="w-full">{words.compareView.phase}</TableHead><TableHead>{words.compareView.earlier}</TableHead><TableHead numeric>{words.compareView.duration}</TableHead><TableHead>{words.compareView.later}</TableHead><TableHead numeric>{words.compareView.duration}</TableHead><TableHead numeric>{words.compareView.change}</TableHead></TableRow></TableHeader>
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
        <h2 className="text-sm font-semibold">{words.compareView.outputHashes}</h2>
        <VerdictTable comparison={comparison} onlyDifferences={!all} />
      </section>
    </div>
  );
}

function RunHead({ side, word }: { side: ComparedRun; word: string }) {
  return (
    <TableHead>
      {word}: <Link href={`/runs/${side.run.run_id}`} className="text-link underline underline-offset-4"><ShortId id={side.run.run_id} what={words.compareView.runId} plain /></Link>
    </TableHead>
  );
}
