"use client";

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { toast } from "@/components/ui/toast";
import { fetchJson } from "@/components/common/fetch-json";
import type { BulkJob } from "@/contracts/bulk";
import { words } from "@/lib/messages/runs";
import type { Outcome } from "@/lib/ops/attempt";
import { outcomeWords } from "./bulk-words";

export type BulkActionSet = {
  count: (input: unknown) => Promise<Outcome<number>>;
  create: (input: unknown, key: string) => Promise<Outcome<BulkJob>>;
  abort: (bulkId: string) => Promise<Outcome<BulkJob>>;
};
type ItemPage = { items: { run_id: string }[] };

const progressMs = 1_000;
/** So many readings in a row without an answer, and the job is left to itself: the scheduler does it all the same. */
const patience = 60;
/** So many runs that were not done stay selected; a job of thousands is looked into by its filter. */
const keptSelected = 200;

/** The job that is under way with its progress, and one toast when it has ended, wherever the reader is by then. `onLeft`: the runs on which nothing was done. */
export function useBulk(environmentId: string, onLeft: (runIds: string[]) => void) {
  const client = useQueryClient();
  const [job, setJob] = useState<BulkJob | null>(null);
  const follow = async (made: BulkJob) => {
    let present = made;
    for (let unanswered = 0; present.status === "running" && unanswered < patience; ) {
      setJob(present);
      await new Promise((resolve) => setTimeout(resolve, progressMs));
      const read = await fetchJson<BulkJob>(`/api/v1/bulk/${made.bulk_id}`).catch(() => null);
      unanswered = read === null ? unanswered + 1 : 0;
      present = read ?? present;
    }
    setJob(null);
    if (present.status === "running") toast.warning(words.useBulk.theControlRoomDoesNot);
    else (present.done === 0 ? toast.warning : toast.success)(outcomeWords(present));
    const left = await Promise.all((["skipped", "refused"] as const).filter((status) => present[status] > 0).map((status) => runsOf(present.bulk_id, status)));
    onLeft(left.flat());
    await client.invalidateQueries({ queryKey: ["runs", environmentId] });
  };
  return { job, follow: (made: BulkJob) => void follow(made) };
}

async function runsOf(bulkId: string, status: "skipped" | "refused"): Promise<string[]> {
  const page = await fetchJson<ItemPage>(`/api/v1/bulk/${bulkId}/items?status=${status}&limit=${keptSelected}`).catch((): ItemPage => ({ items: [] }));
  return page.items.map((item) => item.run_id);
}
