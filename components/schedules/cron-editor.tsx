"use client";

import { TriangleAlert } from "lucide-react";
import { useMemo } from "react";
import { useNow } from "@/components/common/now";
import { Button } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { previewTimes, timesMistake, type Times } from "@/contracts/cron";
import { words } from "@/lib/messages/schedules";
import { cronWarnings, describeCron, fieldNames, presets } from "./cron-words";
import { NextTimes } from "./next-times";

type CronEditorProps = {
  times: Times;
  /** IANA names, as the server knows them. */
  zones: readonly string[];
  errors: { cron?: string; time_zone?: string };
  onChange: (change: { cron?: string; time_zone?: string }) => void;
};

const shown = 10;

/** Preset or text, both of one value; what it means is said while it is written, by the reading that the scheduler has. */
export function CronEditor({ times, zones, errors, onChange }: CronEditorProps) {
  const now = useNow("half_minute");
  const { cron, time_zone, start_at, end_at } = times;
  const mistake = useMemo(() => timesMistake({ cron, time_zone }), [cron, time_zone]);
  const next = useMemo(() => (now === null || mistake !== null ? null : previewTimes({ cron, time_zone, start_at, end_at }, new Date(now), shown)), [cron, time_zone, start_at, end_at, now, mistake]);
  const warnings = useMemo(() => (now === null || mistake !== null ? [] : cronWarnings({ cron, time_zone, start_at, end_at }, now)), [cron, time_zone, start_at, end_at, now, mistake]);
  const errorOf = (field: "cron" | "time_zone") => errors[field] ?? (mistake?.field === field ? mistake.message : undefined);
  const parts = cron.trim().split(/\s+/);
  const zoneNow = mistake?.field === "time_zone" || now === null ? words.cronEditor.typeToSearch : words.cronEditor.nowThere(offsetWords(time_zone, now));
  return (
    <div className="grid gap-4">
      <div role="group" aria-label={words.cronEditor.presets} className="flex flex-wrap gap-1">
        {presets.map((preset) => (
          <Button key={preset.word} size="sm" variant={preset.cron === cron ? "secondary" : "outline"} aria-pressed={preset.cron === cron} onClick={() => onChange({ cron: preset.cron })}>{preset.word}</Button>
        ))}
      </div>
      <div className="grid gap-4 sm:grid-cols-2">
        <Field id="schedule-cron" label={words.cronEditor.cron} required description={describeCron(cron) ?? words.cronEditor.cronDescription} error={errorOf("cron")}>
          <Input {...fieldControl("schedule-cron", { description: true, error: errorOf("cron"), required: true })} value={cron} maxLength={200} autoComplete="off" spellCheck={false} className="font-mono" onChange={(event) => onChange({ cron: event.target.value })} />
        </Field>
        <Field id="schedule-zone" label={words.cronEditor.timeZone} required description={zoneNow} error={errorOf("time_zone")}>
          <Input {...fieldControl("schedule-zone", { description: true, error: errorOf("time_zone"), required: true })} value={time_zone} list="time-zones" autoComplete="off" spellCheck={false} onChange={(event) => onChange({ time_zone: event.target.value })} />
          <datalist id="time-zones">{zones.map((zone) => <option key={zone}>{zone}</option>)}</datalist>
        </Field>
      </div>
      <dl className="grid grid-cols-5 gap-px overflow-hidden rounded-md border text-center">
        {fieldNames.map((name, index) => (
          <div key={name} className="grid content-between px-1 py-1">
            <dt className="text-2xs text-muted-foreground">{name}</dt>
            <dd className="truncate font-mono text-xs" title={parts[index]}>{parts[index] || "—"}</dd>
          </div>
        ))}
      </dl>
      {warnings.map((warning) => (
        <p key={warning} className="flex items-start gap-1.5 text-xs text-warning"><TriangleAlert className="mt-0.5 size-3 shrink-0" aria-hidden />{warning}</p>
      ))}
      <section className="grid min-w-0 gap-1.5" aria-label={words.cronEditor.preview}>
        <h3 className="text-sm font-medium">{words.cronEditor.theNextTimes(shown)}</h3>
        {next === null ? <p className="min-h-75 text-muted-foreground">{mistake === null ? "…" : words.cronEditor.theyAreShownWhenCron}</p> : <NextTimes times={next} timeZone={time_zone} />}
      </section>
    </div>
  );
}

/** `UTC+01:00`, as the clock there stands now. */
function offsetWords(timeZone: string, now: number): string {
  const part = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" }).formatToParts(now).find(({ type }) => type === "timeZoneName");
  return part?.value.replace("GMT", "UTC") ?? "UTC";
}
