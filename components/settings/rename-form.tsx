"use client";

import { useState } from "react";
import { toast } from "@/components/ui/toast";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Tooltip } from "@/components/ui/tooltip";
import { words } from "@/lib/messages/settings";
import type { Outcome } from "@/lib/ops/attempt";

type RenameFormProps = { what: string; name: string; refused: string | null; rename: (name: string) => Promise<Outcome<unknown>> };

/** The name under which people see it. Its slug stays: addresses and programs use that. */
export function RenameForm({ what, name, refused, rename }: RenameFormProps) {
  const [text, setText] = useState(name);
  const { pending, act } = useAct();
  const id = `name-of-${what}`;
  const same = text.trim() === name || text.trim() === "";
  return (
    <form
      className="flex flex-wrap items-end gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        if (!same && refused === null) act(() => rename(text.trim()), () => toast.success(words.renameForm.theIsCalled(what, text.trim())));
      }}
    >
      <Field id={id} label={words.renameForm.nameOfThe(what)} className="w-72 max-w-full">
        <Input {...fieldControl(id, {})} value={text} maxLength={100} readOnly={refused !== null} autoComplete="off" onChange={(event) => setText(event.target.value)} />
      </Field>
      <Tooltip content={refused}>
        <Button type="submit" variant="outline" disabled={pending || (refused === null && same)} aria-disabled={refused !== null}>{words.renameForm.rename}</Button>
      </Tooltip>
    </form>
  );
}
