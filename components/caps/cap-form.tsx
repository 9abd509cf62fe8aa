"use client";

import { CircleAlert, Pencil, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { toast } from "@/components/ui/toast";
import { useSave } from "@/components/common/use-save";
import { NativeSelect } from "@/components/common/native-select";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Choices } from "@/components/ui/choices";
import { Dialog, DialogBody, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle } from "@/components/ui/dialog";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Tooltip } from "@/components/ui/tooltip";
import type { Cap, CapScope } from "@/contracts/cap";
import { capPeriods, capScopes, capUnits } from "@/contracts/words";
import { words } from "@/lib/messages/caps";
import type { Outcome } from "@/lib/ops/attempt";
import { periodWords, scopeWords, unitWords } from "./words";

type CapFormProps = {
  /** The cap that is changed: its limit, and whether it holds; null: one is made. */
  cap: Cap | null;
  refused: string | null;
  saveAction: (request: Record<string, unknown>) => Promise<Outcome<Cap>>;
};

const valuesOf = (cap: Cap | null) => ({
  scope: (cap?.scope ?? "environment") as CapScope, cap_key: cap?.cap_key ?? "", unit: cap?.unit ?? "runs", period: cap?.period ?? "day", time_zone: cap?.time_zone ?? "UTC", limit_amount: cap?.limit_amount ?? "", enabled: cap?.enabled ?? true,
});

export function CapForm({ cap, refused, saveAction }: CapFormProps) {
  const [open, setOpen] = useState(false);
  const [values, setValues] = useState(() => valuesOf(cap));
  const { pending, refusal, save, forget } = useSave();
  const show = (shown: boolean) => {
    setOpen(shown);
    forget();
    setValues(valuesOf(cap));
  };
  const change = (patch: Partial<typeof values>) => setValues((before) => ({ ...before, ...patch }));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { limit_amount, enabled } = values;
    save(() => saveAction(cap === null ? values : { limit_amount, enabled }), words.capForm.lookAtTheListBefore, (saved) => {
      toast.success(words.capForm.theCapIsSaved(saved.cap_key));
      setOpen(false);
    });
  };
  const errorOf = (field: string) => refusal?.errors.find(({ path }) => path === `/${field}`)?.message;
  const text = (field: "cap_key" | "time_zone" | "limit_amount", label: string, description: string) => (
    <Field id={`cap-${field}`} label={label} required description={description} error={errorOf(field)}>
      <Input {...fieldControl(`cap-${field}`, { description, error: errorOf(field), required: true })} inputMode={field === "limit_amount" ? "decimal" : undefined} autoComplete="off" spellCheck={false} value={values[field]} onChange={(event) => change({ [field]: event.target.value })} />
    </Field>
  );
  const list = <T extends string>(field: "unit" | "period", label: string, options: readonly T[], words: Record<T, string>) => (
    <Field id={`cap-${field}`} label={label} error={errorOf(field)}>
      <NativeSelect {...fieldControl(`cap-${field}`, { error: errorOf(field) })} value={values[field]} onChange={(event) => change({ [field]: event.target.value })}>
        {options.map((option) => <option key={option} value={option}>{words[option]}</option>)}
      </NativeSelect>
    </Field>
  );
  return (
    <>
      <Tooltip content={refused}>
        {cap === null ? (
          <Button aria-disabled={refused !== null} onClick={() => refused === null && show(true)}><Plus aria-hidden />{words.capForm.newCap}</Button>
        ) : (
          <Button variant="outline" size="sm" aria-label={words.capForm.changeTheCap(cap.cap_key)} aria-disabled={refused !== null} onClick={() => refused === null && show(true)}><Pencil aria-hidden />{words.capForm.change}</Button>
        )}
      </Tooltip>
      <Dialog open={open} onOpenChange={show}>
        <DialogContent>
          <form onSubmit={submit} noValidate className="contents">
            <DialogHeader>
              <DialogTitle>{cap === null ? words.capForm.newCap : words.capForm.cap(cap.cap_key)}</DialogTitle>
              <DialogDescription>{cap === null ? words.capForm.runsThatNameItsKey : words.capForm.aSmallerLimitStopsNothing}</DialogDescription>
            </DialogHeader>
            <DialogBody className="grid gap-4">
              {refusal !== null && refusal.errors.length === 0 ? <Alert variant="failed" role="alert"><CircleAlert aria-hidden /><AlertDescription>{refusal.message} {refusal.remedy}</AlertDescription></Alert> : null}
              {cap === null ? (
                <>
                  {text("cap_key", words.capForm.key, words.capForm.whatPipelinesNameInLimits)}
                  <Choices name="scope" legend={words.capForm.itHolds} options={capScopes.map((value) => ({ value, label: scopeWords[value].word, description: scopeWords[value].description }))} value={values.scope} onChange={(scope) => change({ scope })} />
                  <div className="grid gap-4 sm:grid-cols-2">
                    {list("unit", words.capForm.ofWhat, capUnits, unitWords)}
                    {list("period", words.capForm.in, capPeriods, periodWords)}
                  </div>
                  {text("time_zone", words.capForm.timeZone, words.capForm.anIanaNameWhere)}
                </>
              ) : null}
              {text("limit_amount", words.capForm.limit, words.capForm.aDecimalNumberInItsUnit)}
              <Field id="cap-enabled" label={words.capForm.itHoldsRunsBack} inline><Checkbox id="cap-enabled" checked={values.enabled} onCheckedChange={(checked) => change({ enabled: checked === true })} /></Field>
            </DialogBody>
            <DialogFooter>
              <Button variant="outline" onClick={() => show(false)}>{words.capForm.close}</Button>
              <Button type="submit" disabled={pending}>{pending ? words.capForm.saving : words.capForm.save}</Button>
            </DialogFooter>
          </form>
        </DialogContent>
      </Dialog>
    </>
  );
}
