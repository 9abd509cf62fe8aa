"use client";

import { CirclePause, CirclePlay, KeyRound, Trash2 } from "lucide-react";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { ConfirmButton } from "@/components/common/confirm-button";
import { useEnvironmentHref } from "@/components/common/link";
import { SecretOnce } from "@/components/common/secret-once";
import { useAct } from "@/components/common/use-act";
import { AlertDialog, AlertDialogCancel, AlertDialogContent, AlertDialogDescription, AlertDialogFooter, AlertDialogHeader, AlertDialogTitle } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Tooltip } from "@/components/ui/tooltip";
import type { ExecutorDetail } from "@/contracts/executor";
import { words } from "@/lib/messages/executors";
import type { Outcome } from "@/lib/ops/attempt";

export type ExecutorActionSet = {
  drain: (executorId: string, comment: string) => Promise<Outcome<unknown>>;
  enable: (executorId: string) => Promise<Outcome<unknown>>;
  rotate: (executorId: string) => Promise<Outcome<{ token: string }>>;
  remove: (executorId: string) => Promise<Outcome<void>>;
};
export const needsProjectAdmin = words.executorActions.thisNeedsTheRoleAdmin;

/** Drain or enable, a new token (shown once), delete. What a role may not do stays to be seen, with the reason. */
export function ExecutorActions({ executor, canManage, actions }: { executor: ExecutorDetail; canManage: boolean; actions: ExecutorActionSet }) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const { pending, act } = useAct();
  const [token, setToken] = useState<string | null>(null);
  const { executor_id: id, name } = executor;
  const refused = canManage ? null : needsProjectAdmin;
  const holds = executor.active_runs === 0 ? null : words.executorActions.itHoldsRuns(executor.active_runs);
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center gap-2">
        {executor.draining_since === null ? (
          <Drain name={name} pending={pending} refused={refused} onDrain={(comment) => act(() => actions.drain(id, comment))} />
        ) : (
          <Tooltip content={refused}>
            <Button disabled={pending} aria-disabled={!canManage} onClick={() => canManage && act(() => actions.enable(id))}><CirclePlay aria-hidden />{words.executorActions.enable}</Button>
          </Tooltip>
        )}
        <ConfirmButton size="default" disabled={pending} refused={refused} confirm={words.executorActions.makeIt} title={words.executorActions.aNewTokenForQuestion(name)} description={words.executorActions.aNewTokenForDescription} onConfirm={() => act(() => actions.rotate(id), (made) => setToken(made.token))}><KeyRound aria-hidden />{words.executorActions.rotateToken}</ConfirmButton>
        <ConfirmButton size="default" disabled={pending} refused={refused ?? holds} confirm={words.executorActions.delete} title={words.executorActions.deleteQuestion(name)} description={words.executorActions.deleteDescription} onConfirm={() => act(() => actions.remove(id), () => router.push(inEnvironment("/executors")))}><Trash2 aria-hidden />{words.executorActions.delete}</ConfirmButton>
      </div>
      {token ? <SecretOnce title={words.executorActions.aTokenFor(name)} value={token} what={words.executorActions.executorToken} hint={words.executorActions.aTokenForHint} /> : null}
    </div>
  );
}

type DrainProps = { name: string; pending: boolean; refused: string | null; onDrain: (comment: string) => void };

function Drain({ name, pending, refused, onDrain }: DrainProps) {
  const [open, setOpen] = useState(false);
  const [comment, setComment] = useState("");
  return (
    <>
      <Tooltip content={refused}>
        <Button variant="outline" disabled={pending} aria-disabled={refused !== null} onClick={() => refused === null && setOpen(true)}><CirclePause aria-hidden />{words.executorActions.drain}</Button>
      </Tooltip>
      <AlertDialog open={open} onOpenChange={setOpen}>
        <AlertDialogContent>
          <AlertDialogHeader>
            <AlertDialogTitle>{words.executorActions.drainQuestion(name)}</AlertDialogTitle>
            <AlertDialogDescription>{words.executorActions.itGetsNoNewRuns}</AlertDialogDescription>
          </AlertDialogHeader>
          <Field id="drain-comment" label={words.executorActions.comment} description={words.executorActions.commentDescription}>
            <Input {...fieldControl("drain-comment", { description: true })} value={comment} maxLength={500} onChange={(event) => setComment(event.target.value)} />
          </Field>
          <AlertDialogFooter>
            <AlertDialogCancel>{words.executorActions.leaveIt}</AlertDialogCancel>
            <Button onClick={() => { setOpen(false); onDrain(comment); }}>{words.executorActions.drainIt}</Button>
          </AlertDialogFooter>
        </AlertDialogContent>
      </AlertDialog>
    </>
  );
}
