"use client";

import { CircleAlert, Pencil, Plus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { toast } from "@/components/ui/toast";
import { NativeSelect } from "@/components/common/native-select";
import { useSave } from "@/components/common/use-save";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Checkbox } from "@/components/ui/checkbox";
import { Dialog, DialogBody, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle } from "@/components/ui/dialog";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Tooltip } from "@/components/ui/tooltip";
import { alertKinds, type AlertKind, type AlertPreview, type AlertRule } from "@/contracts/alert";
import { severities } from "@/contracts/routing";
import { words } from "@/lib/messages/alerts";
import type { Outcome } from "@/lib/ops/attempt";
import { PreviewWords } from "./preview-words";
import { type ConditionField, conditionOf, fieldsOf, mayBeEmpty, requestOf, type RuleValues, valuesOf } from "./rule-values";
import { ruleSentence } from "./rule-sentence";

const { form } = words;
export type RuleFormActions = {
  save: (request: Record<string, unknown>) => Promise<Outcome<AlertRule>>;
  preview: (request: Record<string, unknown>) => Promise<Outcome<AlertPreview>>;
};
type RuleFormProps = { rule: AlertRule | null; pipelines: readonly string[]; refused: string | null; actions: RuleFormActions };
const labels: Record<ConditionField, string> = {
  pipeline: form.pipeline, in_a_row: form.in_a_row, seconds: form.span, signal: form.signal, at_least: form.at_least, warning: form.warning, dataset: form.dataset, table_group: form.table_group, state: form.dataState,
  executor: form.executor, cap_key: form.cap_key, percent: form.percent,
};
const descriptions: Partial<Record<ConditionField, string>> = { seconds: form.spanDescription, signal: form.signalDescription, warning: form.warningDescription, dataset: form.optional, table_group: form.optional, executor: form.optional, cap_key: form.optional };

/** Makes a rule, or changes one: its sentence says what it will do, a preview what it would have done. */
export function RuleForm({ rule, pipelines, refused, actions }: RuleFormProps) {
  const [open, setOpen] = useState(false);
  const [values, setValues] = useState(() => valuesOf(rule));
  const [preview, setPreview] = useState<AlertPreview | null>(null);
  const saving = useSave();
  const looking = useSave();
  const show = (shown: boolean) => {
    setOpen(shown);
    setPreview(null);
    saving.forget();
    looking.forget();
    setValues(valuesOf(rule));
  };
  const change = (patch: Partial<RuleValues>) => {
    setPreview(null);
    setValues((before) => ({ ...before, ...patch }));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    looking.forget();
    saving.save(() => actions.save({ ...requestOf(values), ...(rule === null ? {} : { base_version: rule.version }) }), form.lookFirst, (saved) => {
      toast.success(form.saved(saved.name));
      setOpen(false);
    });
  };
  const look = () => {
    saving.forget();
    const { condition, for_minutes } = requestOf(values);
    looking.save(() => actions.preview({ condition, for_minutes }), form.lookFirst, setPreview);
  };
  const refusal = saving.refusal ?? looking.refusal;
  const errorOf = (path: string) => {
    const error = refusal?.errors.find((each) => each.path === path)?.message;
    return error !== undefined && path === "/condition/seconds" && !/^\d+$/.test(values.fields.seconds) ? form.notASpan : error;
  };
  const condition = conditionOf(values);
  const conditionField = (field: ConditionField) => {
    const id = `rule-${field}`;
    const parts = { description: descriptions[field], error: errorOf(`/condition/${field}`), required: !mayBeEmpty.has(field) };
    const set = (text: string) => change({ fields: { ...values.fields, [field]: text } });
    return (
      <Field key={field} id={id} label={labels[field]} {...parts}>
        {field === "pipeline" ? (
          <NativeSelect {...fieldControl(id, parts)} value={values.fields.pipeline} onChange={(event) => set(event.target.value)}>
            <option value="">{form.any}</option>
            {[...new Set([...pipelines, ...(values.fields.pipeline === "" ? [] : [values.fields.pipeline])])].map((name) => <option key={name} value={name}>{name}</option>)}
          </NativeSelect>
        ) : field === "state" ? (
          <NativeSelect {...fieldControl(id, parts)} value={values.fields.state} onChange={(event) => set(event.target.value)}>
            <option value="late">{form.late}</option>
            <option value="breached">{form.breached}</option>
          </NativeSelect>
        ) : (
          <Input {...fieldControl(id, parts)} autoComplete="off" spellCheck={false} value={values.fields[field]} onChange={(event) => set(event.target.value)} />
        )}
      </Field>
    );
  };
  return (
    <>
      <Tooltip content={refused}>
        {rule === null ? (
          <Button aria-disabled={refused !== null} onClick={() => refused === null && show(true)}><Plus aria-hidden />{form.new}</Button>
        ) : (
          <Button variant="outline" size="sm" aria-label={form.changeNamed(rule.name)} aria-disabled={refused !== null} onClick={() => refused === null && show(true)}><Pencil aria-hidden />{form.change}</Button>
        )}
      </Tooltip>
      <Dialog open={open} onOpenChange={show}>
        <DialogContent>
          <form onSubmit={submit} noValidate className="contents">
            <DialogHeader>
              <DialogTitle>{rule === null ? form.new : form.title(rule.name)}</DialogTitle>
              <DialogDescription>{form.description}</DialogDescription>
            </DialogHeader>
            <DialogBody className="grid gap-4">
              {refusal !== null && refusal.errors.length === 0 ? <Alert variant="failed" role="alert"><CircleAlert aria-hidden /><AlertDescription>{refusal.message} {refusal.remedy}</AlertDescription></Alert> : null}
              <Field id="rule-name" label={form.name} required error={errorOf("/name")}>
                <Input {...fieldControl("rule-name", { error: errorOf("/name"), required: true })} autoComplete="off" value={values.name} onChange={(event) => change({ name: event.target.value })} />
              </Field>
              <Field id="rule-kind" label={form.kind}>
                <NativeSelect id="rule-kind" value={values.kind} onChange={(event) => change({ kind: event.target.value as AlertKind })}>
                  {alertKinds.map((kind) => <option key={kind} value={kind}>{words.kind[kind]}</option>)}
                </NativeSelect>
              </Field>
              <div className="grid items-start gap-4 sm:grid-cols-2">{fieldsOf[values.kind].map(conditionField)}</div>
              <div className="grid items-start gap-4 sm:grid-cols-2">
                <Field id="rule-for_minutes" label={form.for_minutes} description={form.forDescription} error={errorOf("/for_minutes")}>
                  <Input {...fieldControl("rule-for_minutes", { description: true, error: errorOf("/for_minutes") })} inputMode="numeric" autoComplete="off" value={values.for_minutes} onChange={(event) => change({ for_minutes: event.target.value })} />
                </Field>
                <Field id="rule-severity" label={form.severity}>
                  <NativeSelect id="rule-severity" value={values.severity} onChange={(event) => change({ severity: event.target.value as AlertRule["severity"] })}>
                    {severities.map((severity) => <option key={severity} value={severity}>{words.severity[severity]}</option>)}
                  </NativeSelect>
                </Field>
              </div>
              <Field id="rule-enabled" label={form.enabled} inline><Checkbox id="rule-enabled" checked={values.enabled} onCheckedChange={(checked) => change({ enabled: checked === true })} /></Field>
              <div role="status" className="grid gap-2 rounded-md bg-muted p-3 empty:hidden">
                {condition === null ? null : <p>{ruleSentence({ condition, for_minutes: Number(values.for_minutes) || 0, severity: values.severity })}</p>}
                {preview === null ? null : <PreviewWords preview={preview} />}
              </div>
            </DialogBody>
            <DialogFooter>
              <Button variant="outline" onClick={() => show(false)}>{form.close}</Button>
              <Button variant="outline" disabled={looking.pending} onClick={look}>{looking.pending ? form.previewing : form.preview}</Button>
              <Button type="submit" disabled={saving.pending}>{saving.pending ? form.saving : form.save}</Button>
            </DialogFooter>
          </form>
        </DialogContent>
      </Dialog>
    </>
  );
}
