"use client";

import { Trash2 } from "lucide-react";
import { useRouter } from "next/navigation";
import { type ReactNode, useState, useTransition } from "react";
import { toast } from "@/components/ui/toast";
import { AlertDialog, AlertDialogCancel, AlertDialogContent, AlertDialogDescription, AlertDialogFooter, AlertDialogHeader, AlertDialogTitle } from "@/components/ui/alert-dialog";
import { Button } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { messages } from "@/lib/messages";
import type { Outcome } from "@/lib/ops/attempt";

type DeleteButtonProps = {
  /** What is deleted, as in "the connection odoo". */
  what: string;
  description: ReactNode;
  /** Why it cannot be deleted now; null: it can. */
  blocked: string | null;
  remove: () => Promise<Outcome<boolean>>;
};

/** Asks once, then deletes and reads the list again. */
export function DeleteButton({ what, description, blocked, remove }: DeleteButtonProps) {
  const router = useRouter();
  const [open, setOpen] = useState(false);
  const [pending, start] = useTransition();
  const confirm = () =>
    start(async () => {
      const outcome = await remove().catch(() => null);
      setOpen(false);
      if (outcome === null) toast.error(messages.error.noAnswerToDelete);
      else if (!outcome.ok) toast.error(`${outcome.refusal.message} ${outcome.refusal.remedy}`.trim());
      router.refresh();
    });
  return (
    <>
      <Tooltip content={blocked}>
        <Button variant="ghost" size="icon-sm" aria-label={messages.action.deleteNamed(what)} aria-disabled={blocked !== null} onClick={() => blocked === null && setOpen(true)} className="aria-disabled:opacity-50">
          <Trash2 aria-hidden />
        </Button>
      </Tooltip>
      <AlertDialog open={open} onOpenChange={setOpen}>
        <AlertDialogContent>
          <AlertDialogHeader>
            <AlertDialogTitle>{messages.action.deleteQuestion(what)}</AlertDialogTitle>
            <AlertDialogDescription>{description}</AlertDialogDescription>
          </AlertDialogHeader>
          <AlertDialogFooter>
            <AlertDialogCancel disabled={pending}>{messages.action.keepIt}</AlertDialogCancel>
            <Button variant="destructive" disabled={pending} onClick={confirm}>{pending ? messages.action.deleting : messages.action.delete}</Button>
          </AlertDialogFooter>
        </AlertDialogContent>
      </AlertDialog>
    </>
  );
}
