"use client";

import { CirclePause, CirclePlay, Pencil, Play, Trash2 } from "lucide-react";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { ConfirmButton } from "@/components/common/confirm-button";
import { Link, useEnvironmentHref } from "@/components/common/link";
import { newKey } from "@/components/common/new-key";
import { NoteButton } from "@/components/common/note-button";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import type { Schedule } from "@/contracts/schedule";
import { words } from "@/lib/messages/schedules";
import type { Outcome } from "@/lib/ops/attempt";

export type ScheduleActionSet = {
  pause: (scheduleId: string, note: string) => Promise<Outcome<unknown>>;
  resume: (scheduleId: string) => Promise<Outcome<unknown>>;
  run: (scheduleId: string, key: string) => Promise<Outcome<{ run_id: string }>>;
  remove: (scheduleId: string) => Promise<Outcome<unknown>>;
};
type ScheduleActionsProps = { schedule: Schedule; refusedToOperate: string | null; refusedToEdit: string | null; actions: ScheduleActionSet };

/** Pause or resume, run now, edit, delete. What a role may not do stays to be seen, with the reason. */
export function ScheduleActions({ schedule, refusedToOperate, refusedToEdit, actions }: ScheduleActionsProps) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const { pending, act } = useAct();
  // One key for one intention: a repeat after a lost answer gives the same run.
  const [key, setKey] = useState(() => newKey());
  const { schedule_id: id, name } = schedule;
  const operate = (work: () => void) => () => {
    if (refusedToOperate === null) work();
  };
  const runNow = () => act(() => actions.run(id, key), ({ run_id }) => {
    setKey(newKey());
    router.push(inEnvironment(`/runs/${run_id}`));
  });
  return (
    <>
      <Tooltip content={refusedToOperate}>
        <Button disabled={pending} aria-disabled={refusedToOperate !== null} onClick={operate(runNow)}><Play aria-hidden />{words.scheduleActions.runNow}</Button>
      </Tooltip>
      {schedule.paused_at === null ? (
        <NoteButton
          disabled={pending} refused={refusedToOperate} confirm={words.scheduleActions.pauseIt} title={words.scheduleActions.pauseQuestion(name)} description={words.scheduleActions.pauseDescription}
          note={{ label: words.scheduleActions.why, description: words.scheduleActions.whyDescription }} onConfirm={(note) => act(() => actions.pause(id, note))}
        ><CirclePause aria-hidden />{words.scheduleActions.pause}</NoteButton>
      ) : (
        <Tooltip content={refusedToOperate}>
          <Button variant="outline" disabled={pending} aria-disabled={refusedToOperate !== null} onClick={operate(() => act(() => actions.resume(id)))}><CirclePlay aria-hidden />{words.scheduleActions.resume}</Button>
        </Tooltip>
      )}
      {refusedToEdit === null ? (
        <Button asChild variant="outline"><Link href={`/schedules/${id}/edit`}><Pencil aria-hidden />{words.scheduleActions.edit}</Link></Button>
      ) : (
        <Tooltip content={refusedToEdit}><Button variant="outline" aria-disabled><Pencil aria-hidden />{words.scheduleActions.edit}</Button></Tooltip>
      )}
      <ConfirmButton
        size="default" disabled={pending} refused={refusedToEdit} confirm={words.scheduleActions.delete} title={words.scheduleActions.deleteQuestion(name)} description={words.scheduleActions.deleteDescription}
        onConfirm={() => act(() => actions.remove(id), () => router.push(inEnvironment("/schedules")))}
      ><Trash2 aria-hidden />{words.scheduleActions.delete}</ConfirmButton>
    </>
  );
}
