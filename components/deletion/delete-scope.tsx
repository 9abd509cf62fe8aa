"use client";

import { Trash2 } from "lucide-react";
import { useId, useState, useTransition } from "react";
import { Button } from "@/components/ui/button";
import { Card } from "@/components/ui/card";
import { Input } from "@/components/ui/input";
import { Label } from "@/components/ui/label";
import type { DeletionKind, DeletionPreview } from "@/contracts/deletion";
import { words } from "@/lib/messages/deletion";
import { locale } from "@/lib/messages/language";
import type { Outcome } from "@/lib/ops/attempt";

const kindWords: Record<DeletionKind, string> = words.deleteScope.kind;
type DeleteScopeProps = {
  kind: DeletionKind;
  name: string;
  /** Refused where this person may not delete it. */
  preview: Outcome<DeletionPreview>;
  remove: (kind: DeletionKind, id: string, typedName: string) => Promise<Outcome<boolean>>;
};

/** What would go, what stands in its way, and a button that wakes up when the name is typed. */
export function DeleteScope({ kind, name, preview, remove }: DeleteScopeProps) {
  const title = kind === "account" ? words.deleteScope.deleteYourAccount : words.deleteScope.deleteThe(kindWords[kind], name);
  return (
    <Card className="grid gap-3 p-4" role="region" aria-label={title}>
      <h2 className="font-medium">{title}</h2>
      {preview.ok ? <DeleteForm preview={preview.value} remove={remove} /> : <p className="text-muted-foreground">{preview.refusal.message}</p>}
    </Card>
  );
}

function DeleteForm({ preview, remove }: { preview: DeletionPreview; remove: DeleteScopeProps["remove"] }) {
  const field = useId();
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [pending, start] = useTransition();
  const counted = Object.entries(preview.counts).filter(([, count]) => count > 0).map(([what, count]) => `${what}: ${count.toLocaleString(locale)}`).join(", ");
  const submit = () =>
    start(async () => {
      const outcome = await remove(preview.kind, preview.id, typed).catch(() => null);
      // The address that is open is gone: begin where everybody begins, without anything kept from before.
      if (outcome?.ok) window.location.assign(preview.kind === "account" ? "/sign-in" : "/o");
      else setProblem(outcome === null ? words.deleteScope.theControlRoomDidNot : `${outcome.refusal.message} ${outcome.refusal.remedy}`.trim());
    });
  return (
    <form className="grid max-w-xl gap-3" onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <p className="text-muted-foreground">{counted === "" ? words.deleteScope.itHoldsNothing : words.deleteScope.withItGoes(`${counted[0]?.toUpperCase() ?? ""}${counted.slice(1)}`)}</p>
      {preview.hindrance === null ? null : <p>{preview.hindrance}</p>}
      <div className="grid gap-1">
        <Label htmlFor={field}>{words.deleteScope.typeToConfirm(<code>{preview.typed_name}</code>)}</Label>
        <Input id={field} value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" spellCheck={false} aria-describedby={problem === null ? undefined : `${field}-problem`} disabled={preview.hindrance !== null} />
      </div>
      {problem === null ? null : <p id={`${field}-problem`} role="alert" className="text-destructive">{problem}</p>}
      <div><Button type="submit" variant="destructive" disabled={pending || preview.hindrance !== null || typed !== preview.typed_name}><Trash2 aria-hidden />{words.deleteScope.delete}</Button></div>
    </form>
  );
}
