import { Activity, Cable, CalendarClock, Cpu, Database, FileBox, History, ListChecks, LockKeyhole, type LucideIcon, ScrollText, ShieldAlert, User, Workflow } from "lucide-react";
import { StatusBadge } from "@/components/common/status-badge";
import type { RunStatus } from "@/contracts/run";
import { runStatuses } from "@/contracts/words";
import type { SearchHit, SearchKind } from "@/contracts/search";
import { truncateMiddle } from "@/lib/format";
import { messages } from "@/lib/messages";
import type { EnvironmentChoice } from "./open-environment";

const icons: Record<SearchKind, LucideIcon> = {
  run: ListChecks, pipeline: Workflow, schedule: CalendarClock, dataset: Database, executor: Cpu, backfill: History, artifact: FileBox, event: Activity, connection: Cable, secret: LockKeyhole, cap: ShieldAlert, member: User, audit: ScrollText,
};
const isRunStatus = (state: string): state is RunStatus => (runStatuses as readonly string[]).includes(state);

/** What was found in one line; `place`: its environment, where that is another one. */
export function HitLine({ hit, place }: { hit: SearchHit; place: EnvironmentChoice | undefined }) {
  const Icon = icons[hit.kind];
  return (
    <>
      <Icon aria-hidden />
      <span className="truncate">{hit.title}</span>
      {hit.kind === "run" ? <code className="text-xs text-muted-foreground">{truncateMiddle(hit.id)}</code> : null}
      {hit.detail ? <span className="truncate text-xs text-muted-foreground">{hit.detail}</span> : null}
      {place ? <span className="truncate text-xs text-muted-foreground">{place.project_name} / {place.name}</span> : null}
      <span className="ms-auto flex shrink-0 items-center gap-2 text-xs text-muted-foreground">
        {hit.state === null ? null : isRunStatus(hit.state) ? <StatusBadge status={hit.state} /> : <span>{hit.state}</span>}
        <span>{messages.palette.kind[hit.kind]}</span>
      </span>
    </>
  );
}
