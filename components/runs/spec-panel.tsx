"use client";

import { parseAsStringLiteral, useQueryState } from "nuqs";
import { CodeBlock } from "@/components/common/code-block";
import { Hash } from "@/components/common/hash";
import { Button } from "@/components/ui/button";
import type { Run } from "@/contracts/run";

/** One value as YAML and as JSON text; both are made on the server. */
export type Rendered = { yaml: string; json: string };
const views = ["yaml", "json"] as const;

/** What the run was asked to do and what it read and wrote. */
export function SpecPanel({ run, spec, parameters }: { run: Run; spec: Rendered | null; parameters: Rendered }) {
  const [view, setView] = useQueryState("view", parseAsStringLiteral(views).withDefault("yaml").withOptions({ history: "replace" }));
  return (
    <div className="grid gap-5">
      <div role="group" aria-label="Notation" className="flex gap-1">
        {views.map((each) => (
          <Button key={each} size="sm" variant={view === each ? "secondary" : "ghost"} aria-pressed={view === each} onClick={() => void setView(each)}>
            {each.toUpperCase()}
          </Button>
        ))}
      </div>
      <Section title="Parameters">
        {Object.keys(run.parameters).length === 0 ? <p className="text-muted-foreground">None were given, and the pipeline has no defaults.</p> : <CodeBlock label="parameters" text={parameters[view]} />}
      </Section>
      <div className="grid grid-cols-[minmax(0,1fr)] gap-5 lg:grid-cols-2">
        <Section title="Inputs">
          {run.input_manifest ? <CodeBlock label="input manifest" text={JSON.stringify(run.input_manifest, null, 2)} /> : <p className="text-muted-foreground">Recorded when a phase first reads.</p>}
        </Section>
        <Section title="Outputs">
          {run.output_manifest ? <CodeBlock label="output manifest" text={JSON.stringify(run.output_manifest, null, 2)} /> : <p className="text-muted-foreground">Recorded when the run succeeds.</p>}
        </Section>
      </div>
      <Section title="Spec" note={<Hash value={run.spec_sha256} what="spec hash" />}>
        {spec ? <CodeBlock label="spec" text={spec[view]} /> : <p className="text-muted-foreground">The spec of this run cannot be read.</p>}
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
