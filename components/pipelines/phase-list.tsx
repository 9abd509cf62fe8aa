import { Badge } from "@/components/ui/badge";
import { words } from "@/lib/messages/pipelines";

/** What a stored spec says of a phase, as far as the list draws it. */
export type PlannedPhase = { name: string; type: string; depends_on: string[]; tables: string[]; timeout_seconds: number | null; max_retries: number };

/** The phases in the order of the spec, each with what it waits for and what it makes. */
export function PhaseList({ phases }: { phases: PlannedPhase[] }) {
  return (
    <ol className="grid divide-y rounded-md border">
      {phases.map((phase, index) => (
        <li key={phase.name} id={`phase-${phase.name}`} className="grid grid-cols-[1.5rem_minmax(0,1fr)] gap-x-2 px-3 py-2">
          <span className="text-xs leading-5 text-muted-foreground tabular-nums" aria-hidden>{index + 1}</span>
          <div className="grid gap-1">
            <p className="flex flex-wrap items-center gap-x-2 gap-y-1">
              <span className="font-medium">{phase.name}</span>
              <Badge>{phase.type}</Badge>
              <span className="text-xs text-muted-foreground">
                {phase.depends_on.length === 0 ? words.phaseList.startsAtOnce : <>{words.phaseList.after(phase.depends_on.map((name, at) => <span key={name}>{at > 0 ? ", " : ""}<a href={`#phase-${name}`} className="text-link hover:underline">{name}</a></span>))}</>}
                {phase.max_retries > 0 ? ` · ${words.phaseList.retries(phase.max_retries)}` : ""}
              </span>
            </p>
            {phase.tables.length > 0 ? (
              <details>
                <summary className="w-fit text-xs text-muted-foreground">{words.phaseList.tables(phase.tables.length)}</summary>
                <p className="font-mono text-xs break-words text-muted-foreground">{phase.tables.join(", ")}</p>
              </details>
            ) : null}
          </div>
        </li>
      ))}
    </ol>
  );
}
