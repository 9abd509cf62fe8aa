import { Link } from "@/components/common/link";
import { Time } from "@/components/common/time";
import { rowLinkClasses, Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { ExecutorRow } from "@/lib/ops/executors-page";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/executors";
import { ExecutorStatus } from "./executor-status";

export function ExecutorTable({ executors }: { executors: ExecutorRow[] }) {
  return (
    <Table label={words.executorTable.executorsByName} cards>
      <TableHeader>
        <TableRow>
          <TableHead>{words.executorTable.executor}</TableHead>
          <TableHead>{words.executorTable.status}</TableHead>
          <TableHead>{words.executorTable.lastHeartbeat}</TableHead>
          <TableHead numeric>{words.executorTable.runsNow}</TableHead>
          <TableHead>{words.executorTable.environments}</TableHead>
          <TableHead>{words.executorTable.queues}</TableHead>
          <TableHead>{words.executorTable.version}</TableHead>
          <TableHead>{words.executorTable.host}</TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {executors.map((executor) => (
          <TableRow key={executor.executor_id}>
            <TableCell><Link href={`/executors/${executor.executor_id}`} className={rowLinkClasses}>{executor.name}</Link></TableCell>
            <TableCell><ExecutorStatus executor={executor} /></TableCell>
            <TableCell><Time at={executor.last_seen_at} absent={messages.time.never} className="relative" /></TableCell>
            <TableCell numeric><span className="tabular-nums">{executor.leases}</span><span className="ms-1 text-xs text-muted-foreground sm:hidden">{words.executorTable.runsNowInSentence}</span></TableCell>
            <TableCell narrow={false}>{executor.environments.join(", ") || messages.time.unknown}</TableCell>
            <TableCell narrow={false} className="max-w-56 truncate" title={queueWords(executor)}>{queueWords(executor)}</TableCell>
            <TableCell narrow={false} className="text-xs text-muted-foreground">{executor.version ?? messages.time.unknown}</TableCell>
            <TableCell narrow={false} className="max-w-48 truncate text-xs text-muted-foreground" title={executor.hostname ?? undefined}>{executor.hostname ?? messages.time.unknown}</TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

/** What it last claimed from; what it may claim from where it never did. */
export function queueWords({ queues, allowed_queues }: Pick<ExecutorRow, "queues" | "allowed_queues">): string {
  if (queues.length > 0) return queues.join(", ");
  return allowed_queues === null ? words.executorTable.any : allowed_queues.join(", ");
}
