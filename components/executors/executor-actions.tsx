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
import type { Outcome } from "@/lib/ops/attempt";

export type ExecutorActionSet = {
  drain: (executorId: string, comment: string) => Promise<Outcome<unknown>>;
  enable: (executorId: string) => Promise<Outcome<unknown>>;
  rotate: (executorId: string) => Promise<Outcome<{ token: string }>>;
  remove: (executorId: string) => Promise<Outcome<void>>;
};
export const needsProjectAdmin = "This needs the role admin of the whole project.";

/** Drain or enable, a new token (shown once), delete. What a role may not do stays to be seen, with the reason. */
export function ExecutorActions({ executor, canManage, actions }: { executor: ExecutorDetail; canManage: boolean; actions: ExecutorActionSet }) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const { pending, act } = useAct();
  const [token, setToken] = useState<string | null>(null);
  const { executor_id: id, name } = executor;
  const refused = canManage ? null : needsProjectAdmin;
  const holds = executor.active_runs === 0 ? null : executor.active_runs === 1 ? "It holds a run. Drain it, and delete it when the run has ended." : `It holds ${executor.active_runs} runs. Drain it, and delete it when they have ended.`;
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center gap-2">
        {executor.draining_since === null ? (
          <Drain name={name} pending={pending} refused={refused} onDrain={(comment) => act(() => actions.drain(id, comment))} />
        ) : (
          <Tooltip content={refused}>
            <Button disabled={pending} aria-disabled={!canManage} onClick={() => canManage && act(() => actions.enable(id))}><CirclePlay aria-hidden />Enable</Button>
          </Tooltip>
        )}
        <ConfirmButton size="default" disabled={pending} refused={refused} confirm="Make it" title={`A new token for ${name}?`} description="It is shown once and ends after 90 days. The former ones work for one more day." onConfirm={() => act(() => actions.rotate(id), (made) => setToken(made.token))}><KeyRound aria-hidden />Rotate token</ConfirmButton>
        <ConfirmButton size="default" disabled={pending} refused={refused ?? holds} confirm="Delete" title={`Delete ${name}?`} description="Its tokens are void at once. Runs that it executed go on naming it." onConfirm={() => act(() => actions.remove(id), () => router.push(inEnvironment("/executors")))}><Trash2 aria-hidden />Delete</ConfirmButton>
      </div>
      {token ? <SecretOnce title={`A token for ${name}`} value={token} what="executor token" hint="Copy it now: it is shown this once. Its former tokens work for one more day." /> : null}
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
        <Button variant="outline" disabled={pending} aria-disabled={refused !== null} onClick={() => refused === null && setOpen(true)}><CirclePause aria-hidden />Drain</Button>
      </Tooltip>
      <AlertDialog open={open} onOpenChange={setOpen}>
        <AlertDialogContent>
          <AlertDialogHeader>
            <AlertDialogTitle>Drain {name}?</AlertDialogTitle>
            <AlertDialogDescription>It gets no new runs and finishes those that it has, until it is enabled again.</AlertDialogDescription>
          </AlertDialogHeader>
          <Field id="drain-comment" label="Comment" description="Shown to everybody who looks at it; may be left empty.">
            <Input {...fieldControl("drain-comment", { description: true })} value={comment} maxLength={500} onChange={(event) => setComment(event.target.value)} />
          </Field>
          <AlertDialogFooter>
            <AlertDialogCancel>Leave it</AlertDialogCancel>
            <Button onClick={() => { setOpen(false); onDrain(comment); }}>Drain it</Button>
          </AlertDialogFooter>
        </AlertDialogContent>
      </AlertDialog>
    </>
  );
}
