import { groupWords } from "@/components/datasets/table-group";
import type { Cap } from "@/contracts/cap";
import type { Executor } from "@/contracts/executor";
import type { Freshness } from "@/contracts/freshness";
import type { Failing } from "@/contracts/overview";
import { formatCount, formatDuration } from "@/lib/format";
import { groupBy } from "@/lib/group-by";
import { words } from "@/lib/messages/overview";

/** One thing that somebody should look at: what it is, what is known of it, since when, and where to go. */
export interface Attention {
  key: string;
  kind: "failed" | "stale" | "lease" | "cap" | "executor" | "schedule";
  title: string;
  detail: string;
  at: string | null;
  href: string;
}

export interface Troubles {
  failing: readonly Failing[];
  leases: readonly { run_id: string; expires_at: string }[];
  /** Datasets that are older than promised. */
  stale: readonly Freshness[];
  caps: readonly Cap[];
  executors: readonly Pick<Executor, "executor_id" | "name" | "status" | "last_seen_at">[];
  schedules: readonly { schedule_id: string; name: string; template_key: string; paused_at: string | null; paused_note: string | null }[];
  titles: Readonly<Record<string, string>>;
}

/** Everything that needs attention, what failed first. */
export function attentionOf({ failing, leases, stale, caps, executors, schedules, titles }: Troubles): Attention[] {
  return [
    ...failing.map((each): Attention => ({
      key: each.run_id,
      kind: "failed",
      title: titles[each.template_key ?? ""] ?? each.spec_slug,
      detail: [each.error_code, each.error_message, each.failures > 1 ? words.attention.failuresInThisRange(formatCount(each.failures)) : null].filter(Boolean).join(" · "),
      at: each.finished_at,
      href: `/runs/${each.run_id}`,
    })),
    ...staleGroups(stale),
    ...leases.map((each): Attention => ({ key: `lease ${each.run_id}`, kind: "lease", title: words.attention.aRunIsHeld, detail: words.attention.aRunIsHeldDetail, at: each.expires_at, href: `/runs/${each.run_id}` })),
    ...caps.filter((cap) => cap.enabled && Number(cap.used) + Number(cap.reserved) >= Number(cap.limit_amount)).map((cap): Attention => ({ key: cap.cap_id, kind: "cap", title: words.attention.capIsUsedUp(cap.cap_key), detail: words.attention.inThisRunsUnder(formatCount(cap.limit_amount), cap.unit, cap.period), at: null, href: "/caps" })),
    ...executors.filter((each) => each.status === "offline" && each.last_seen_at !== null).map((each): Attention => ({ key: each.executor_id, kind: "executor", title: words.attention.executorIsOffline(each.name), detail: words.attention.itGaveNoSign, at: each.last_seen_at, href: `/executors/${each.executor_id}` })),
    ...schedules.map((each): Attention => ({ key: each.schedule_id, kind: "schedule", title: words.attention.scheduleWasPaused(each.name), detail: each.paused_note ?? words.attention.itsRunsFailedTooOften, at: each.paused_at, href: `/schedules/${each.schedule_id}` })),
  ];
}

/** One for each table group, one for each dataset of none. */
function staleGroups(stale: readonly Freshness[]): Attention[] {
  const groups = groupBy(stale, (each) => (each.table_group === null ? each.name : groupWords(each.table_group)));
  return [...groups].map(([title, datasets]): Attention => {
    const [oldest] = datasets.toSorted((a, b) => Date.parse(a.breach_at) - Date.parse(b.breach_at));
    const one = datasets.length === 1 ? datasets[0]! : null;
    return {
      key: `stale ${title}`,
      kind: "stale",
      title: one === null ? words.attention.tablesAreOlderThanPromised(title, formatCount(datasets.length)) : words.attention.isOlderThanPromised(one.name),
      detail: one === null ? datasets.map(({ name }) => name).join(", ") : words.attention.dataMayBeOld(formatDuration(one.max_age_seconds * 1000)),
      at: oldest!.breach_at,
      href: one === null ? "/datasets" : `/datasets/${one.name}`,
    };
  });
}
