"use client";

import { CalendarRange, CircleAlert } from "lucide-react";
import { useRouter } from "next/navigation";
import { type FormEvent, useState, useTransition } from "react";
import type { z } from "zod";
import { noAnswer } from "@/components/common/no-answer";
import { useEnvironmentHref } from "@/components/common/link";
import { NativeSelect } from "@/components/common/native-select";
import { newKey } from "@/components/common/new-key";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button, type ButtonProps } from "@/components/ui/button";
import { Choices } from "@/components/ui/choices";
import { Dialog, DialogBody, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle } from "@/components/ui/dialog";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Tooltip } from "@/components/ui/tooltip";
import type { Backfill, backfillPreview } from "@/contracts/backfill";
import { partitionUnits } from "@/contracts/words";
import type { Schedule } from "@/contracts/schedule";
import { formatCount } from "@/lib/format";
import { words } from "@/lib/messages/backfills";
import type { Outcome, Refusal } from "@/lib/ops/attempt";
import type { TemplateChoice } from "@/lib/ops/schedules-page";
import { backfillRequest, type BackfillValues } from "./backfill-values";
import { BackfillPreview } from "./backfill-preview";
import { reprocessChoices, unitWords } from "./words";

const sendAgain = words.backfillDialog.sendItAgainTheSame;

type Preview = z.output<typeof backfillPreview>;
export type BackfillMakers = {
  preview: (request: Record<string, unknown>) => Promise<Outcome<Preview>>;
  create: (request: Record<string, unknown>, key: string) => Promise<Outcome<Backfill>>;
};
type BackfillDialogProps = {
  /** Its times, pipeline, parameters and queue are taken over; null: a pipeline is chosen. */
  schedule: Schedule | null;
  /** With a schedule only its own pipeline. */
  templates: TemplateChoice[];
  zones: string[];
  refused: string | null;
  makers: BackfillMakers;
  variant?: ButtonProps["variant"];
};

/** The range and what of it to run; then what that would make; then it is made, exactly as it was previewed. */
export function BackfillDialog({ schedule, templates, zones, refused, makers, variant = "outline" }: BackfillDialogProps) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const [open, setOpen] = useState(false);
  const fresh = (): BackfillValues => ({
    template_key: templates[0]?.template_key ?? "", unit: schedule === null ? "day" : "", time_zone: schedule?.time_zone ?? "UTC", first: "", last: "", start_parameter: "", end_parameter: "",
    reprocess: "missing_only", direction: "oldest_first", max_active: "4", priority: "500",
  });
  const [values, setValues] = useState(fresh);
  const [previewed, setPreviewed] = useState<{ of: string; request: Record<string, unknown>; preview: Preview; key: string } | null>(null);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [pending, start] = useTransition();
  const show = (shown: boolean) => {
    setOpen(shown);
    if (!shown) return;
    setValues(fresh());
    setPreviewed(null);
    setRefusal(null);
  };
  const change = (patch: Partial<BackfillValues>) => setValues((before) => ({ ...before, ...patch }));
  const of = JSON.stringify(values);
  const current = previewed?.of === of ? previewed : null;
  const parameters = templates.find(({ template_key }) => template_key === values.template_key)?.parameters ?? [];

  const submit = (event: FormEvent) => {
    event.preventDefault();
    start(async () => {
      setRefusal(null);
      if (current === null) {
        const { request, errors } = backfillRequest(values, schedule);
        if (request === null) return setRefusal({ code: "invalid_input", message: words.backfillDialog.theFormIsNotComplete, remedy: "", errors, request_id: null });
        const outcome = await makers.preview(request).catch(() => null);
        if (outcome?.ok) setPreviewed({ of, request, preview: outcome.value, key: newKey() });
        else setRefusal(outcome?.refusal ?? noAnswer(sendAgain));
        return;
      }
      const outcome = await makers.create(current.request, current.key).catch(() => null);
      if (!outcome?.ok) return setRefusal(outcome?.refusal ?? noAnswer(sendAgain));
      setOpen(false);
      router.push(inEnvironment(`/backfills/${outcome.value.backfill_id}`));
    });
  };
  const errorOf = (...fields: string[]) => refusal?.errors.find(({ path }) => fields.some((field) => path === `/${field}`))?.message;
  const text = (field: "max_active" | "priority", label: string, description: string) => (
    <Field id={`backfill-${field}`} label={label} description={description} error={errorOf(field)}>
      <Input {...fieldControl(`backfill-${field}`, { description, error: errorOf(field) })} inputMode="numeric" className="tabular-nums" value={values[field]} onChange={(event) => change({ [field]: event.target.value })} />
    </Field>
  );
  const day = (field: "first" | "last", label: string, error: string | undefined) => (
    <Field id={`backfill-${field}`} label={label} required error={error}>
      <Input {...fieldControl(`backfill-${field}`, { error, required: true })} type="date" value={values[field]} onChange={(event) => change({ [field]: event.target.value })} />
    </Field>
  );
  const list = (field: "unit" | "direction" | "start_parameter" | "end_parameter" | "template_key", label: string, options: readonly [value: string, text: string][], description?: string) => (
    <Field id={`backfill-${field}`} label={label} description={description} error={errorOf(field)}>
      <NativeSelect {...fieldControl(`backfill-${field}`, { description, error: errorOf(field) })} value={values[field]} onChange={(event) => change({ [field]: event.target.value })}>
        {options.map(([value, word]) => <option key={value} value={value}>{word}</option>)}
      </NativeSelect>
    </Field>
  );
  const names: [string, string][] = [["", "none"], ...parameters.map((name): [string, string] => [name, name])];
  return (
    <>
      <Tooltip content={refused}>
        <Button variant={variant} aria-disabled={refused !== null} onClick={() => refused === null && show(true)}><CalendarRange aria-hidden />{words.backfillDialog.backfill}</Button>
      </Tooltip>
      <Dialog open={open} onOpenChange={show}>
        <DialogContent className="max-w-2xl">
          <form onSubmit={submit} noValidate className="contents">
            <DialogHeader>
              <DialogTitle>{schedule === null ? words.backfillDialog.backfillAPipeline : words.backfillDialog.backfillNamed(schedule.name)}</DialogTitle>
              <DialogDescription>{words.backfillDialog.oneRunForEachPartition}</DialogDescription>
            </DialogHeader>
            <DialogBody className="grid gap-4">
              {refusal === null ? null : <Alert variant="failed" role="alert"><CircleAlert aria-hidden /><AlertDescription>{refusal.message} {refusal.remedy}</AlertDescription></Alert>}
              {schedule === null ? list("template_key", words.backfillDialog.pipeline, templates.map(({ template_key, title }) => [template_key, title])) : null}
              <div className="grid gap-4 sm:grid-cols-2">
                {list("unit", words.backfillDialog.aPartitionIs, [...(schedule === null ? [] : [["", words.backfillDialog.fromOneTime(schedule.cron)] as [string, string]]), ...partitionUnits.map((unit): [string, string] => [unit, unitWords[unit]])])}
                <Field id="backfill-zone" label={words.backfillDialog.timeZone} description={words.backfillDialog.whereDaysBegin} error={errorOf("time_zone")}>
                  <Input {...fieldControl("backfill-zone", { description: true, error: errorOf("time_zone") })} list="backfill-zones" autoComplete="off" spellCheck={false} value={values.time_zone} onChange={(event) => change({ time_zone: event.target.value })} />
                  <datalist id="backfill-zones">{zones.map((zone) => <option key={zone}>{zone}</option>)}</datalist>
                </Field>
                {day("first", words.backfillDialog.firstDay, errorOf("first", "range_start"))}
                {day("last", words.backfillDialog.lastDayIncluded, errorOf("last", "range_end"))}
                {parameters.length === 0 ? null : list("start_parameter", words.backfillDialog.parameterThatGetsAPartitionsStart, names)}
                {parameters.length === 0 ? null : list("end_parameter", words.backfillDialog.parameterThatGetsItsEnd, names)}
              </div>
              <Choices name="reprocess" legend={words.backfillDialog.run} options={reprocessChoices} value={values.reprocess} onChange={(reprocess) => change({ reprocess })} />
              <div className="grid gap-4 sm:grid-cols-3">
                {list("direction", words.backfillDialog.order, [["oldest_first", words.backfillDialog.oldestFirst], ["newest_first", words.backfillDialog.newestFirst]])}
                {text("max_active", words.backfillDialog.openAtOnce, words.backfillDialog.atMostSoManyRuns)}
                {text("priority", words.backfillDialog.priority, words.backfillDialog.aLowerNumberRunsFirst)}
              </div>
              {current === null ? null : <BackfillPreview preview={current.preview} timeZone={values.time_zone} />}
            </DialogBody>
            <DialogFooter>
              <Button variant="outline" onClick={() => show(false)}>{words.backfillDialog.close}</Button>
              <Button type="submit" disabled={pending || current?.preview.to_run === 0}>{pending ? words.backfillDialog.working : current === null ? words.backfillDialog.preview : words.backfillDialog.make(current.preview.to_run, formatCount(current.preview.to_run))}</Button>
            </DialogFooter>
          </form>
        </DialogContent>
      </Dialog>
    </>
  );
}
