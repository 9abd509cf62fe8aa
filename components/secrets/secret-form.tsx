"use client";

import { KeyRound, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
import { useSave } from "@/components/common/use-save";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Dialog, DialogBody, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle, DialogTrigger } from "@/components/ui/dialog";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Textarea } from "@/components/ui/textarea";
import type { Secret } from "@/contracts/secret";
import type { Outcome } from "@/lib/ops/attempt";

type SecretFormProps = {
  environmentId: string;
  /** The secret that gets a new value; without it one is made. */
  name?: string;
  putAction: (input: unknown) => Promise<Outcome<Secret>>;
};

export function SecretForm({ environmentId, name: given, putAction }: SecretFormProps) {
  const [open, setOpen] = useState(false);
  const [name, setName] = useState(given ?? "");
  const [value, setValue] = useState("");
  const { pending, refusal, save, forget } = useSave();
  const errorOf = (field: string) => refusal?.errors.find((place) => place.path === `/${field}`)?.message;
  const show = (shown: boolean) => {
    setOpen(shown);
    forget();
    // It is in no state longer than the form is open.
    setValue("");
    if (given === undefined) setName("");
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save(() => putAction({ environment_id: environmentId, name, value }), "Send it again.", () => {
      toast.success(given === undefined ? `The secret ${name} is stored.` : `The secret ${name} has a new value.`);
      show(false);
    });
  };
  return (
    <Dialog open={open} onOpenChange={show}>
      <DialogTrigger asChild>
        {given === undefined ? <Button><Plus aria-hidden />New secret</Button> : <Button variant="outline" size="sm" aria-label={`Replace the value of ${given}`}><KeyRound aria-hidden />Replace</Button>}
      </DialogTrigger>
      <DialogContent>
        <form onSubmit={submit} noValidate className="contents">
          <DialogHeader>
            <DialogTitle>{given === undefined ? "New secret" : `New value of ${given}`}</DialogTitle>
            <DialogDescription>The value is sealed at once, to a key that only the executors of this environment hold. Nobody can read it back.</DialogDescription>
          </DialogHeader>
          <DialogBody className="grid gap-4">
            {refusal !== null && refusal.errors.length === 0 ? <Alert variant="failed" role="alert"><AlertDescription>{refusal.message} {refusal.remedy}</AlertDescription></Alert> : null}
            {given === undefined ? (
              <Field id="secret-name" label="Name" required description="Lower-case letters, digits and underscores." error={errorOf("name")}>
                <Input {...fieldControl("secret-name", { description: true, error: errorOf("name"), required: true })} value={name} onChange={(event) => setName(event.target.value)} autoComplete="off" spellCheck={false} />
              </Field>
            ) : null}
            <Field id="secret-value" label="Value" required description="At least 8 characters." error={errorOf("value")}>
              <Textarea {...fieldControl("secret-value", { description: true, error: errorOf("value"), required: true })} value={value} onChange={(event) => setValue(event.target.value)} autoComplete="off" spellCheck={false} rows={2} className="font-mono [-webkit-text-security:disc]" />
            </Field>
          </DialogBody>
          <DialogFooter>
            <Button variant="outline" onClick={() => show(false)}>Close</Button>
            <Button type="submit" disabled={pending || value === "" || name === ""}>{pending ? "Sealing…" : "Seal and store"}</Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
