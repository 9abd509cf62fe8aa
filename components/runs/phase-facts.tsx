"use client";

import type { ReactNode } from "react";
import { Hash } from "@/components/common/hash";
import { Link } from "@/components/common/link";
import { Time } from "@/components/common/time";
import type { RunPhase } from "@/contracts/run";
import { formatCount } from "@/lib/format";
import { words } from "@/lib/messages/run";

/** What is known of a phase beside its row. */
export function PhaseFacts({ runId, phase }: { runId: string; phase: RunPhase }) {
  const metrics = Object.entries(phase.metrics).filter(([, value]) => ["number", "string", "boolean"].includes(typeof value));
  return (
    <div className="grid gap-3">
      {phase.error_message ? (
        <p className="text-failed"><code className="me-2 text-xs">{phase.error_code}</code><span className="break-words">{phase.error_message}</span></p>
      ) : null}
      <dl className="grid grid-cols-[repeat(auto-fill,minmax(11rem,1fr))] gap-x-6 gap-y-2 text-xs">
        <Fact name={words.phaseFacts.dependsOn}>{phase.depends_on.length > 0 ? phase.depends_on.join(", ") : words.phaseFacts.nothing}</Fact>
        <Fact name={words.phaseFacts.inputHashName}><Hash value={phase.input_sha256} what={words.phaseFacts.inputHash} /></Fact>
        <Fact name={words.phaseFacts.outputHashName}><Hash value={phase.output_sha256} what={words.phaseFacts.outputHash} /></Fact>
        <Fact name={words.phaseFacts.log}><Link href={`/runs/${runId}?tab=logs&phase=${phase.name}`} className="text-link underline underline-offset-4">{words.phaseFacts.itsLines}</Link></Fact>
        <Fact name={words.phaseFacts.finished}><Time at={phase.finished_at} format="absolute" /></Fact>
        {metrics.map(([name, value]) => (
          <Fact key={name} name={name.replaceAll("_", " ")}>{typeof value === "number" && Number.isInteger(value) ? formatCount(value) : String(value)}</Fact>
        ))}
      </dl>
      {phase.checkpoint ? (
        <details>
          <summary className="text-xs text-muted-foreground">{words.phaseFacts.checkpoint}</summary>
          <pre tabIndex={0} className="mt-1 max-h-48 overflow-auto text-xs">{JSON.stringify(phase.checkpoint, null, 2)}</pre>
        </details>
      ) : null}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="grid gap-0.5">
      <dt className="text-muted-foreground">{name}</dt>
      <dd className="flex min-h-6 items-center">{children}</dd>
    </div>
  );
}
