import { CirclePause, CirclePlay } from "lucide-react";
import { Badge } from "@/components/ui/badge";
import type { Schedule } from "@/contracts/schedule";

export function ScheduleStatus({ schedule }: { schedule: Pick<Schedule, "paused_at"> }) {
  return schedule.paused_at === null ? <Badge variant="succeeded"><CirclePlay aria-hidden />Active</Badge> : <Badge variant="warning"><CirclePause aria-hidden />Paused</Badge>;
}
