"use client";

import { type ReactNode, useState } from "react";
import { AlertDialog, AlertDialogCancel, AlertDialogContent, AlertDialogDescription, AlertDialogFooter, AlertDialogHeader, AlertDialogTitle } from "@/components/ui/alert-dialog";
import { Button, type ButtonProps } from "@/components/ui/button";
import { Tooltip } from "@/components/ui/tooltip";
import { messages } from "@/lib/messages";

type ConfirmButtonProps = Omit<ButtonProps, "onClick" | "title"> & {
  title: string;
  description: ReactNode;
  /** The word on the button that does it. */
  confirm: string;
  /** Why it cannot be done; the button stays to be seen. */
  refused?: string | null;
  onConfirm: () => void;
};

/** A button whose deed cannot be undone: it asks first. */
export function ConfirmButton({ title, description, confirm, refused, onConfirm, children, ...button }: ConfirmButtonProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Tooltip content={refused ?? null}>
        <Button variant="outline" size="xs" {...button} aria-disabled={refused ? true : undefined} onClick={() => !refused && setOpen(true)}>{children}</Button>
      </Tooltip>
      <AlertDialog open={open} onOpenChange={setOpen}>
        <AlertDialogContent>
          <AlertDialogHeader>
            <AlertDialogTitle>{title}</AlertDialogTitle>
            <AlertDialogDescription>{description}</AlertDialogDescription>
          </AlertDialogHeader>
          <AlertDialogFooter>
            <AlertDialogCancel>{messages.action.keepIt}</AlertDialogCancel>
            <Button variant="destructive" onClick={() => { setOpen(false); onConfirm(); }}>{confirm}</Button>
          </AlertDialogFooter>
        </AlertDialogContent>
      </AlertDialog>
    </>
  );
}
