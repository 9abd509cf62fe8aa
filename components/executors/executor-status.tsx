import { CircleCheck, CirclePause, CircleX, Hourglass, type LucideIcon } from "lucide-react";
import { Badge, type BadgeProps } from "@/components/ui/badge";
import type { Executor } from "@/contracts/executor";

const looks: Record<Executor["status"] | "new", { word: string; description: string; icon: LucideIcon; variant: NonNullable<BadgeProps["variant"]> }> = {
  online: { word: "Online", description: "It was heard of within the last 90 seconds.", icon: CircleCheck, variant: "succeeded" },
  draining: { word: "Draining", description: "It gets no new runs and finishes those that it has.", icon: CirclePause, variant: "warning" },
  offline: { word: "Offline", description: "Nothing was heard of it for more than 90 seconds.", icon: CircleX, variant: "failed" },
  new: { word: "Not seen yet", description: "It has never called.", icon: Hourglass, variant: "default" },
};

export function ExecutorStatus({ executor }: { executor: Pick<Executor, "status" | "last_seen_at"> }) {
  const look = looks[executor.last_seen_at === null ? "new" : executor.status];
  return <Badge variant={look.variant} title={look.description}><look.icon aria-hidden />{look.word}</Badge>;
}
