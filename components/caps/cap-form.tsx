"use client";

import { CircleAlert, Pencil, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { toast } from "sonner";
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
import { type Cap, capPeriods, type CapScope, capScopes, capUnits } from "@/contracts/cap";
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
    save(() => saveAction(cap === null ? values : { limit_amount, enabled }), "Look at the list before you send it again.", (saved) => {
      toast.success(`The cap ${saved.cap_key} is saved.`);
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
          <Button aria-disabled={refused !== null} onClick={() => refused === null && show(true)}><Plus aria-hidden />New cap</Button>
        ) : (
          <Button variant="outline" size="sm" aria-label={`Change the cap ${cap.cap_key}`} aria-disabled={refused !== null} onClick={() => refused === null && show(true)}><Pencil aria-hidden />Change</Button>
        )}
      </Tooltip>
      <Dialog open={open} onOpenChange={show}>
        <DialogContent>
          <form onSubmit={submit} noValidate className="contents">
            <DialogHeader>
              <DialogTitle>{cap === null ? "New cap" : `Cap ${cap.cap_key}`}</DialogTitle>
              <DialogDescription>{cap === null ? "Runs that name its key take from it, and wait when there is no room." : "A smaller limit stops nothing that runs already; what waits goes on at once where there is room."}</DialogDescription>
            </DialogHeader>
            <DialogBody className="grid gap-4">
              {refusal !== null && refusal.errors.length === 0 ? <Alert variant="failed" role="alert"><CircleAlert aria-hidden /><AlertDescription>{refusal.message} {refusal.remedy}</AlertDescription></Alert> : null}
              {cap === null ? (
                <>
                  {text("cap_key", "Key", "What pipelines name in limits.caps, such as odoo.")}
                  <Choices name="scope" legend="It holds" options={capScopes.map((value) => ({ value, label: scopeWords[value].word, description: scopeWords[value].description }))} value={values.scope} onChange={(scope) => change({ scope })} />
                  <div className="grid gap-4 sm:grid-cols-2">
                    {list("unit", "Of what", capUnits, unitWords)}
                    {list("period", "In", capPeriods, periodWords)}
                  </div>
                  {text("time_zone", "Time zone", "An IANA name: where its days begin.")}
                </>
              ) : null}
              {text("limit_amount", "Limit", "A decimal number, in its unit.")}
              <Field id="cap-enabled" label="It holds runs back" inline><Checkbox id="cap-enabled" checked={values.enabled} onCheckedChange={(checked) => change({ enabled: checked === true })} /></Field>
            </DialogBody>
            <DialogFooter>
              <Button variant="outline" onClick={() => show(false)}>Close</Button>
              <Button type="submit" disabled={pending}>{pending ? "Saving…" : "Save"}</Button>
            </DialogFooter>
          </form>
        </DialogContent>
      </Dialog>
    </>
  );
}
