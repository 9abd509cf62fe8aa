import { CircleCheck, CirclePause, CircleX, Hourglass, type LucideIcon } from "lucide-react";
import { Badge, type BadgeProps } from "@/components/ui/badge";
import type { Executor } from "@/contracts/executor";
import { words } from "@/lib/messages/executors";

const looks: Record<Executor["status"] | "new", { word: string; description: string; icon: LucideIcon; variant: NonNullable<BadgeProps["variant"]> }> = {
  online: { word: words.executorStatus.online, description: words.executorStatus.onlineDescription, icon: CircleCheck, variant: "succeeded" },
  draining: { word: words.executorStatus.draining, description: words.executorStatus.drainingDescription, icon: CirclePause, variant: "warning" },
  offline: { word: words.executorStatus.offline, description: words.executorStatus.offlineDescription, icon: CircleX, variant: "failed" },
  new: { word: words.executorStatus.notSeenYet, description: words.executorStatus.itHasNeverCalled, icon: Hourglass, variant: "default" },
};

export function ExecutorStatus({ executor }: { executor: Pick<Executor, "status" | "last_seen_at"> }) {
  const look = looks[executor.last_seen_at === null ? "new" : executor.status];
  return <Badge variant={look.variant} title={look.description}><look.icon aria-hidden />{look.word}</Badge>;
}
