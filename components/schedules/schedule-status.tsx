import { CirclePause, CirclePlay } from "lucide-react";
import { Badge } from "@/components/ui/badge";
import type { Schedule } from "@/contracts/schedule";
import { words } from "@/lib/messages/schedules";

export function ScheduleStatus({ schedule }: { schedule: Pick<Schedule, "paused_at"> }) {
  return schedule.paused_at === null ? <Badge variant="succeeded"><CirclePlay aria-hidden />{words.scheduleStatus.active}</Badge> : <Badge variant="warning"><CirclePause aria-hidden />{words.scheduleStatus.paused}</Badge>;
}
