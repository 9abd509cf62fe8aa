"use client";

import { type ReactNode, useState } from "react";
import { AlertDialog, AlertDialogCancel, AlertDialogContent, AlertDialogDescription, AlertDialogFooter, AlertDialogHeader, AlertDialogTitle } from "@/components/ui/alert-dialog";
import { Button, type ButtonProps } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Textarea } from "@/components/ui/textarea";
import { Tooltip } from "@/components/ui/tooltip";
import { messages } from "@/lib/messages";

type NoteButtonProps = Omit<ButtonProps, "onClick" | "title"> & {
  title: string;
  description: ReactNode;
  note: { label: string; description: string; required?: boolean };
  /** The word on the button that does it. */
  confirm: string;
  confirmVariant?: ButtonProps["variant"];
  /** Why it cannot be done; the button stays to be seen. */
  refused?: string | null;
  onConfirm: (note: string) => void;
};

/** A button whose deed is kept with what somebody wrote about it. */
export function NoteButton({ title, description, note, confirm, confirmVariant = "default", refused, onConfirm, children, ...button }: NoteButtonProps) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const [missing, setMissing] = useState(false);
  const show = (shown: boolean) => {
    setOpen(shown);
    setMissing(false);
    if (shown) setText("");
  };
  const send = () => {
    if (note.required && text.trim() === "") return setMissing(true);
    show(false);
    onConfirm(text.trim());
  };
  const error = missing ? messages.form.isNeeded : undefined;
  return (
    <>
      <Tooltip content={refused ?? null}>
        <Button variant="outline" {...button} aria-disabled={refused ? true : undefined} onClick={() => !refused && show(true)}>{children}</Button>
      </Tooltip>
      <AlertDialog open={open} onOpenChange={show}>
        <AlertDialogContent>
          <AlertDialogHeader>
            <AlertDialogTitle>{title}</AlertDialogTitle>
            <AlertDialogDescription>{description}</AlertDialogDescription>
          </AlertDialogHeader>
          <Field id="note" label={note.label} description={note.description} required={note.required} error={error}>
            <Textarea {...fieldControl("note", { description: true, required: note.required, error })} value={text} maxLength={500} onChange={(event) => setText(event.target.value)} />
          </Field>
          <AlertDialogFooter>
            <AlertDialogCancel>{messages.action.leaveIt}</AlertDialogCancel>
            <Button variant={confirmVariant} onClick={send}>{confirm}</Button>
          </AlertDialogFooter>
        </AlertDialogContent>
      </AlertDialog>
    </>
  );
}
