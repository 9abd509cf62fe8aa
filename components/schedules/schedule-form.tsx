"use client";

import { CircleAlert, Save } from "lucide-react";
import { useRouter } from "next/navigation";
import { type FormEvent, type ReactNode, useEffect, useRef, useState, useTransition } from "react";
import { toast } from "@/components/ui/toast";
import { noAnswer } from "@/components/common/no-answer";
import { Link, useEnvironmentHref } from "@/components/common/link";
import { UtcInput } from "@/components/common/utc-input";
import { Alert, AlertDescription, AlertTitle } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Choices } from "@/components/ui/choices";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { Textarea } from "@/components/ui/textarea";
import type { Schedule } from "@/contracts/schedule";
import { words } from "@/lib/messages/schedules";
import type { Outcome, Refusal } from "@/lib/ops/attempt";
import type { TemplateChoice } from "@/lib/ops/schedules-page";
import { CronEditor } from "./cron-editor";
import { changesOf, type ScheduleField, scheduleRequest, scheduleValues } from "./schedule-values";
import { catchUpChoices, overlapChoices } from "./words";

type ScheduleFormProps = {
  /** The schedule that is changed; null: one is made. */
  schedule: Schedule | null;
  templates: TemplateChoice[];
  /** Chosen for a new one. */
  templateKey: string;
  zones: string[];
  /** Why it cannot be saved; the form stays to be read. */
  refused: string | null;
  saveAction: (request: Record<string, unknown>) => Promise<Outcome<Schedule>>;
};

export function ScheduleForm({ schedule, templates, templateKey, zones, refused, saveAction }: ScheduleFormProps) {
  const router = useRouter();
  const inEnvironment = useEnvironmentHref();
  const [values, setValues] = useState(() => scheduleValues(schedule, { template_key: templateKey, time_zone: "UTC" }));
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [pending, start] = useTransition();
  const form = useRef<HTMLFormElement>(null);
  const summary = useRef<HTMLDivElement>(null);
  const change = (patch: Partial<typeof values>) => setValues((before) => ({ ...before, ...patch }));

  useEffect(() => {
    if (refusal === null) return;
    (form.current?.querySelector<HTMLElement>("[aria-invalid=true]") ?? summary.current)?.focus();
  }, [refusal]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (pending || refused !== null) return;
    const { request, problem: notJson } = scheduleRequest(values);
    setProblem(notJson);
    if (request === null) return;
    start(async () => {
      setRefusal(null);
      const outcome = await saveAction(schedule === null ? request : changesOf(schedule, request)).catch(() => null);
      if (outcome === null) return setRefusal(noAnswer(words.scheduleForm.lookAtTheList));
      if (!outcome.ok) return setRefusal(outcome.refusal);
      toast.success(words.scheduleForm.theScheduleIsSaved(outcome.value.name));
      router.push(inEnvironment(`/schedules/${outcome.value.schedule_id}`));
    });
  };
  const placeOf = (field: string) => (field === "catchup_hours" ? "/catchup_window_seconds" : `/${field}`);
  const errorOf = (field: string) => refusal?.errors.find(({ path }) => path === placeOf(field) || path.startsWith(`${placeOf(field)}/`))?.message;
  const text = (field: ScheduleField, label: string, { description, required = false, numeric = false }: { description?: ReactNode; required?: boolean; numeric?: boolean } = {}) => (
    <Field id={`schedule-${field}`} label={label} required={required} description={description} error={errorOf(field)}>
      <Input
        {...fieldControl(`schedule-${field}`, { description, error: errorOf(field), required })} value={values[field]} inputMode={numeric ? "decimal" : undefined} autoComplete="off" spellCheck={false}
        className={numeric ? "tabular-nums" : undefined} onChange={(event) => change({ [field]: event.target.value })}
      />
    </Field>
  );
  const moment = (field: "start_at" | "end_at", label: string, description: string) => (
    <Field id={`schedule-${field}`} label={label} description={description} error={errorOf(field)}>
      <UtcInput control={fieldControl(`schedule-${field}`, { description, error: errorOf(field) })} value={values[field]} onChange={(value) => change({ [field]: value ?? null })} />
    </Field>
  );
  const template = templates.find((each) => each.template_key === values.template_key);
  const parametersError = problem ?? refusal?.errors.find(({ path }) => path.startsWith("/parameters"))?.message;
  return (
    <form ref={form} noValidate onSubmit={submit} className="grid max-w-3xl gap-6">
      {refusal ? (
        <Alert ref={summary} variant="failed" role="alert" tabIndex={-1}>
          <CircleAlert aria-hidden />
          <AlertTitle>{words.scheduleForm.theScheduleWasNotSaved}</AlertTitle>
          <AlertDescription><p>{refusal.message} {refusal.remedy}</p><p className="text-xs"><code>{refusal.code}</code>{refusal.request_id ? ` · ${words.scheduleForm.request(refusal.request_id)}` : ""}</p></AlertDescription>
        </Alert>
      ) : null}
      <div className="grid gap-4 sm:grid-cols-2">
        {text("name", words.scheduleForm.name, { required: true })}
        <Field id="schedule-template_key" label={words.scheduleForm.pipeline} required error={errorOf("template_key")}>
          <Select value={values.template_key} onValueChange={(template_key) => change({ template_key })}>
            <SelectTrigger {...fieldControl("schedule-template_key", { error: errorOf("template_key"), required: true })}><SelectValue placeholder={words.scheduleForm.chooseOne} /></SelectTrigger>
            <SelectContent>{templates.map((each) => <SelectItem key={each.template_key} value={each.template_key}>{each.title}</SelectItem>)}</SelectContent>
          </Select>
        </Field>
      </div>
      <Part title={words.scheduleForm.when}>
        <CronEditor times={values} zones={zones} errors={{ cron: errorOf("cron"), time_zone: errorOf("time_zone") }} onChange={change} />
        <div className="grid gap-4 sm:grid-cols-2">
          {moment("start_at", words.scheduleForm.from, words.scheduleForm.timesBeforeItDoNot)}
          {moment("end_at", words.scheduleForm.until, words.scheduleForm.timesFromItOnDo)}
        </div>
        {text("jitter_seconds", words.scheduleForm.jitterInSeconds, { numeric: true, description: words.scheduleForm.eachStartIsDelayed })}
      </Part>
      <Part title={words.scheduleForm.whenARunIsStill}>
        <Choices name="overlap" legend={words.scheduleForm.ifTheRunBefore} options={overlapChoices} value={values.overlap} onChange={(overlap) => change({ overlap })} />
        <Choices name="catch_up" legend={words.scheduleForm.ofTimesThatAreFound} options={catchUpChoices} value={values.catch_up} onChange={(catch_up) => change({ catch_up })} />
        <div className="grid gap-4 sm:grid-cols-2">
          {text("catchup_hours", words.scheduleForm.windowInHours, { numeric: true, description: words.scheduleForm.whatIsLaterThan })}
          {text("pause_on_failure", words.scheduleForm.pauseAfterFailuresInARow, { numeric: true, description: words.scheduleForm.emptyNever })}
        </div>
      </Part>
      <Part title={words.scheduleForm.theRun}>
        <Field id="schedule-parameters" label={words.scheduleForm.parametersAsJson} description={<>{template && template.parameters.length > 0 ? <>{words.scheduleForm.itTakes(template.parameters.join(", "))} </> : `${words.scheduleForm.itTakesNoParameters} `}{words.scheduleForm.valuesMayHold(<code>{"${{ schedule.nominal_date }}"}</code>, <code>{"${{ schedule.nominal_time }}"}</code>)}</>} error={parametersError}>
          <Textarea {...fieldControl("schedule-parameters", { description: true, error: parametersError })} spellCheck={false} className="min-h-24 font-mono text-xs" value={values.parameters} onChange={(event) => change({ parameters: event.target.value })} />
        </Field>
        <div className="grid gap-4 sm:grid-cols-2">
          {text("template_version", words.scheduleForm.version, { numeric: true, description: words.scheduleForm.emptyTheCurrentOneEachTime })}
          {text("priority", words.scheduleForm.priority, { numeric: true, description: words.scheduleForm.toALowerNumberRunsFirst })}
          {text("max_attempts", words.scheduleForm.attempts, { numeric: true, description: words.scheduleForm.howOftenARun })}
          {text("queue", words.scheduleForm.queue)}
        </div>
        {text("labels", words.scheduleForm.labels, { description: words.scheduleForm.commaSeparatedOnlyExecutors })}
      </Part>
      <div className="flex flex-wrap items-center gap-2 border-t pt-4">
        <Button type="submit" disabled={pending || refused !== null}><Save aria-hidden />{pending ? words.scheduleForm.saving : words.scheduleForm.save}</Button>
        <Button asChild variant="ghost"><Link href={schedule === null ? "/schedules" : `/schedules/${schedule.schedule_id}`}>{words.scheduleForm.cancel}</Link></Button>
        {refused === null ? null : <p className="text-muted-foreground">{refused}</p>}
      </div>
    </form>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="grid gap-4 border-t pt-4">
      <h2 className="font-semibold">{title}</h2>
      {children}
    </section>
  );
}
