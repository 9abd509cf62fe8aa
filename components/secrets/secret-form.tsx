"use client";

import { KeyRound, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { toast } from "@/components/ui/toast";
import { useSave } from "@/components/common/use-save";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Dialog, DialogBody, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle, DialogTrigger } from "@/components/ui/dialog";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Textarea } from "@/components/ui/textarea";
import type { Secret } from "@/contracts/secret";
import { words } from "@/lib/messages/secrets";
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
    save(() => putAction({ environment_id: environmentId, name, value }), words.secretForm.sendItAgain, () => {
      toast.success(given === undefined ? words.secretForm.theSecretIsStored(name) : words.secretForm.theSecretHasANewValue(name));
      show(false);
    });
  };
  return (
    <Dialog open={open} onOpenChange={show}>
      <DialogTrigger asChild>
        {given === undefined ? <Button><Plus aria-hidden />{words.secretForm.newSecret}</Button> : <Button variant="outline" size="sm" aria-label={words.secretForm.replaceTheValueOf(given)}><KeyRound aria-hidden />{words.secretForm.replace}</Button>}
      </DialogTrigger>
      <DialogContent>
        <form onSubmit={submit} noValidate className="contents">
          <DialogHeader>
            <DialogTitle>{given === undefined ? words.secretForm.newSecret : words.secretForm.newValueOf(given)}</DialogTitle>
            <DialogDescription>{words.secretForm.theValueIsSealed}</DialogDescription>
          </DialogHeader>
          <DialogBody className="grid gap-4">
            {refusal !== null && refusal.errors.length === 0 ? <Alert variant="failed" role="alert"><AlertDescription>{refusal.message} {refusal.remedy}</AlertDescription></Alert> : null}
            {given === undefined ? (
              <Field id="secret-name" label={words.secretForm.name} required description={words.secretForm.lowerCaseLettersDigitsAndUnderscores} error={errorOf("name")}>
                <Input {...fieldControl("secret-name", { description: true, error: errorOf("name"), required: true })} value={name} onChange={(event) => setName(event.target.value)} autoComplete="off" spellCheck={false} />
              </Field>
            ) : null}
            <Field id="secret-value" label={words.secretForm.value} required description={words.secretForm.atLeastCharacters} error={errorOf("value")}>
              <Textarea {...fieldControl("secret-value", { description: true, error: errorOf("value"), required: true })} value={value} onChange={(event) => setValue(event.target.value)} autoComplete="off" spellCheck={false} rows={2} className="font-mono [-webkit-text-security:disc]" />
            </Field>
          </DialogBody>
          <DialogFooter>
            <Button variant="outline" onClick={() => show(false)}>{words.secretForm.close}</Button>
            <Button type="submit" disabled={pending || value === "" || name === ""}>{pending ? words.secretForm.sealing : words.secretForm.sealAndStore}</Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
