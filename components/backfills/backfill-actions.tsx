"use client";

import { Ban, CirclePause, CirclePlay } from "lucide-react";
import { NoteButton } from "@/components/common/note-button";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import type { Backfill } from "@/contracts/backfill";
import { words } from "@/lib/messages/backfills";
import type { Outcome } from "@/lib/ops/attempt";

export type BackfillActionSet = {
  pause: (backfillId: string, note: string) => Promise<Outcome<unknown>>;
  resume: (backfillId: string) => Promise<Outcome<unknown>>;
  cancel: (backfillId: string, note: string) => Promise<Outcome<unknown>>;
};
const note = words.backfillActions.note;

/** Pause or resume, and cancel; nothing when it is over. */
export function BackfillActions({ backfill, refused, actions }: { backfill: Backfill; refused: string | null; actions: BackfillActionSet }) {
  const { pending, act } = useAct();
  const { backfill_id: id, status } = backfill;
  if (status === "canceled" || status === "completed") return null;
  return (
    <>
      {status === "paused" ? (
        <Tooltip content={refused}>
          <Button disabled={pending} aria-disabled={refused !== null} onClick={() => refused === null && act(() => actions.resume(id))}><CirclePlay aria-hidden />{words.backfillActions.resume}</Button>
        </Tooltip>
      ) : (
        <NoteButton disabled={pending} refused={refused} note={note} confirm={words.backfillActions.pauseIt} title={words.backfillActions.pauseThisBackfill} description={words.backfillActions.pauseThisBackfillDescription} onConfirm={(text) => act(() => actions.pause(id, text))}><CirclePause aria-hidden />{words.backfillActions.pause}</NoteButton>
      )}
      <NoteButton disabled={pending} refused={refused} note={note} confirm={words.backfillActions.cancelIt} confirmVariant="destructive" title={words.backfillActions.cancelThisBackfill} description={words.backfillActions.cancelThisBackfillDescription} onConfirm={(text) => act(() => actions.cancel(id, text))}><Ban aria-hidden />{words.backfillActions.cancel}</NoteButton>
    </>
  );
}
