"use client";

import { parseAsStringLiteral, useQueryState } from "nuqs";
import { CodeBlock } from "@/components/common/code-block";
import { Hash } from "@/components/common/hash";
import { Button } from "@/components/ui/button";
import type { Run } from "@/contracts/run";
import { words } from "@/lib/messages/run-panels";

/** One value as YAML and as JSON text; both are made on the server. */
export type Rendered = { yaml: string; json: string };
const views = ["yaml", "json"] as const;

/** What the run was asked to do and what it read and wrote. */
export function SpecPanel({ run, spec, parameters }: { run: Run; spec: Rendered | null; parameters: Rendered }) {
  const [view, setView] = useQueryState("view", parseAsStringLiteral(views).withDefault("yaml").withOptions({ history: "replace" }));
  return (
    <div className="grid gap-5">
      <div role="group" aria-label={words.specPanel.notation} className="flex gap-1">
        {views.map((each) => (
          <Button key={each} size="sm" variant={view === each ? "secondary" : "ghost"} aria-pressed={view === each} onClick={() => void setView(each)}>
            {each.toUpperCase()}
          </Button>
        ))}
      </div>
      <Section title={words.specPanel.parameters}>
        {Object.keys(run.parameters).length === 0 ? <p className="text-muted-foreground">{words.specPanel.noneWereGiven}</p> : <CodeBlock label={words.specPanel.parametersLabel} text={parameters[view]} />}
      </Section>
      <div className="grid grid-cols-[minmax(0,1fr)] gap-5 lg:grid-cols-2">
        <Section title={words.specPanel.inputs}>
          {run.input_manifest ? <CodeBlock label={words.specPanel.inputManifest} text={JSON.stringify(run.input_manifest, null, 2)} /> : <p className="text-muted-foreground">{words.specPanel.recordedWhenAPhaseFirstReads}</p>}
        </Section>
        <Section title={words.specPanel.outputs}>
          {run.output_manifest ? <CodeBlock label={words.specPanel.outputManifest} text={JSON.stringify(run.output_manifest, null, 2)} /> : <p className="text-muted-foreground">{words.specPanel.recordedWhenTheRunSucceeds}</p>}
        </Section>
      </div>
      <Section title={words.specPanel.spec} note={<Hash value={run.spec_sha256} what={words.specPanel.specHash} />}>
        {spec ? <CodeBlock label={words.specPanel.specLabel} text={spec[view]} /> : <p className="text-muted-foreground">{words.specPanel.theSpecOfThisRun}</p>}
      </Section>
    </div>
  );
}

function Section({ title, note, children }: { title: string; note?: React.ReactNode; children: React.ReactNode }) {
  return (
    <section className="grid min-w-0 content-start gap-2">
      <h2 className="flex items-center gap-2 text-sm font-semibold">{title}{note}</h2>
      {children}
    </section>
  );
}
