import { Time } from "@/components/common/time";
import type { Freshness } from "@/contracts/freshness.ts";
import { words } from "@/lib/messages/datasets";
import { FreshnessBadge } from "./freshness";
import { groupsOf, groupWords } from "./table-group";

/** How fresh the table groups are that pipelines name with their promises: each as its worst table. */
export function TableGroups({ freshness }: { freshness: readonly Freshness[] }) {
  const groups = groupsOf(freshness);
  if (groups.length === 0) return null;
  return (
    <ul aria-label={words.tableGroups.freshnessOfTableGroups} className="flex flex-wrap gap-2">
      {groups.map(({ group, state, forecast, tables, fresh, breach_at }) => (
        <li key={group} className="flex flex-wrap items-center gap-x-2 gap-y-1 rounded-md border px-3 py-2 text-sm">
          <span className="font-medium">{groupWords(group)}</span>
          <FreshnessBadge state={state} forecast={forecast} />
          <span className="text-muted-foreground">{fresh === tables ? words.tableGroups.tables(tables) : words.tableGroups.ofTablesFresh(fresh, tables)}</span>
          <span className="inline-flex items-center gap-1 text-muted-foreground">{state === "breached" ? words.tableGroups.breached : words.tableGroups.breaches} <Time at={breach_at} className="text-foreground" /></span>
        </li>
      ))}
    </ul>
  );
}
