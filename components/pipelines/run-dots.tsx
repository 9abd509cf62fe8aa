import { Link } from "@/components/common/link";
import { runStatusLooks } from "@/components/common/status-looks";
import type { Run } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { truncateMiddle } from "@/lib/format";
import { words } from "@/lib/messages/pipelines";

/** The last runs as marks, oldest first, each a link. The icon differs by status, so colour is not alone. */
export function RunDots({ runs }: { runs: Pick<Run, "run_id" | "status">[] }) {
  if (runs.length === 0) return <span className="text-muted-foreground">{words.runDots.noRunYet}</span>;
  return (
    <ul className="relative flex items-center" aria-label={words.runDots.lastRunsOldestFirst}>
      {runs.toReversed().map((run) => {
        const look = runStatusLooks[run.status];
        return (
          <li key={run.run_id}>
            <Link href={`/runs/${run.run_id}`} title={`${look.word}: ${truncateMiddle(run.run_id)}`} aria-label={words.runDots.run(look.word, truncateMiddle(run.run_id))} className="grid size-6 place-items-center rounded-sm hover:bg-accent">
              <look.icon className={cn("size-3.5", look.text, look.spins && "animate-spin [animation-duration:2s] motion-reduce:animate-none")} aria-hidden />
            </Link>
          </li>
        );
      })}
    </ul>
  );
}
