"use client";

import { CircleAlert, Save } from "lucide-react";
import { useRouter } from "next/navigation";
import { type FormEvent, type ReactNode, useEffect, useRef, useState, useTransition } from "react";
import { toast } from "sonner";
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
      if (outcome === null) return setRefusal(noAnswer("Look at the list of schedules before you save again."));
      if (!outcome.ok) return setRefusal(outcome.refusal);
      toast.success(`The schedule ${outcome.value.name} is saved.`);
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
          <AlertTitle>The schedule was not saved</AlertTitle>
          <AlertDescription><p>{refusal.message} {refusal.remedy}</p><p className="text-xs"><code>{refusal.code}</code>{refusal.request_id ? ` · request ${refusal.request_id}` : ""}</p></AlertDescription>
        </Alert>
      ) : null}
      <div className="grid gap-4 sm:grid-cols-2">
        {text("name", "Name", { required: true })}
        <Field id="schedule-template_key" label="Pipeline" required error={errorOf("template_key")}>
          <Select value={values.template_key} onValueChange={(template_key) => change({ template_key })}>
            <SelectTrigger {...fieldControl("schedule-template_key", { error: errorOf("template_key"), required: true })}><SelectValue placeholder="Choose one" /></SelectTrigger>
            <SelectContent>{templates.map((each) => <SelectItem key={each.template_key} value={each.template_key}>{each.title}</SelectItem>)}</SelectContent>
          </Select>
        </Field>
      </div>
      <Part title="When">
        <CronEditor times={values} zones={zones} errors={{ cron: errorOf("cron"), time_zone: errorOf("time_zone") }} onChange={change} />
        <div className="grid gap-4 sm:grid-cols-2">
          {moment("start_at", "From", "Times before it do not count. Empty: from now on.")}
          {moment("end_at", "Until", "Times from it on do not count. Empty: without end.")}
        </div>
        {text("jitter_seconds", "Jitter in seconds", { numeric: true, description: "Each start is delayed by less than this, always the same for the same time: many schedules of one minute then do not start at once." })}
      </Part>
      <Part title="When a run is still open, or a time was missed">
        <Choices name="overlap" legend="If the run before is still open" options={overlapChoices} value={values.overlap} onChange={(overlap) => change({ overlap })} />
        <Choices name="catch_up" legend="Of times that are found more than five minutes late, run" options={catchUpChoices} value={values.catch_up} onChange={(catch_up) => change({ catch_up })} />
        <div className="grid gap-4 sm:grid-cols-2">
          {text("catchup_hours", "Window in hours", { numeric: true, description: "What is later than this is missed." })}
          {text("pause_on_failure", "Pause after failures in a row", { numeric: true, description: "Empty: never." })}
        </div>
      </Part>
      <Part title="The run">
        <Field id="schedule-parameters" label="Parameters as JSON" description={<>{template && template.parameters.length > 0 ? <>It takes {template.parameters.join(", ")}. </> : "It takes no parameters. "}Values may hold <code>{"${{ schedule.nominal_date }}"}</code> and <code>{"${{ schedule.nominal_time }}"}</code>.</>} error={parametersError}>
          <Textarea {...fieldControl("schedule-parameters", { description: true, error: parametersError })} spellCheck={false} className="min-h-24 font-mono text-xs" value={values.parameters} onChange={(event) => change({ parameters: event.target.value })} />
        </Field>
        <div className="grid gap-4 sm:grid-cols-2">
          {text("template_version", "Version", { numeric: true, description: "Empty: the current one each time." })}
          {text("priority", "Priority", { numeric: true, description: "0 to 1000; a lower number runs first." })}
          {text("max_attempts", "Attempts", { numeric: true, description: "How often a run is tried before it has failed." })}
          {text("queue", "Queue")}
        </div>
        {text("labels", "Labels", { description: "Comma-separated; only executors that offer all of them take its runs." })}
      </Part>
      <div className="flex flex-wrap items-center gap-2 border-t pt-4">
        <Button type="submit" disabled={pending || refused !== null}><Save aria-hidden />{pending ? "Saving…" : "Save"}</Button>
        <Button asChild variant="ghost"><Link href={schedule === null ? "/schedules" : `/schedules/${schedule.schedule_id}`}>Cancel</Link></Button>
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
