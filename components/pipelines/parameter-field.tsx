"use client";

import { useState } from "react";
import { UtcInput } from "@/components/common/utc-input";
import { Checkbox } from "@/components/ui/checkbox";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { Textarea } from "@/components/ui/textarea";
import { words } from "@/lib/messages/pipelines";
import type { ParameterSchema } from "./parameter-schema";

type ParameterFieldProps = {
  field: ParameterSchema;
  value: unknown;
  error: string | undefined;
  /** `undefined`: the parameter is not given at all. */
  onChange: (value: unknown) => void;
  /** A JSON field whose text is no JSON: nothing may be sent meanwhile. */
  onInvalid: (problem: string | null) => void;
};

const unset = "__unset__";
const asText = (value: unknown) => (value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value));

export function ParameterField({ field, value, error, onChange, onInvalid }: ParameterFieldProps) {
  const id = `parameter-${field.name}`;
  const description = describe(field);
  const control = fieldControl(id, { description, error, required: field.required });
  const shared = { id, label: field.title, description, error, required: field.required };
  if (field.kind === "boolean") {
    return (
      <Field {...shared} inline>
        <Checkbox {...control} checked={value === true} onCheckedChange={(checked) => onChange(checked === true)} />
      </Field>
    );
  }
  return (
    <Field {...shared}>
      {field.kind === "choice" ? (
        <Select value={value === undefined ? unset : JSON.stringify(value)} onValueChange={(next) => onChange(next === unset ? undefined : JSON.parse(next))}>
          <SelectTrigger {...control}><SelectValue /></SelectTrigger>
          <SelectContent>
            {field.required && value !== undefined ? null : <SelectItem value={unset}>{words.parameterField.notGiven}</SelectItem>}
            {field.options.map((option) => <SelectItem key={JSON.stringify(option)} value={JSON.stringify(option)}>{asText(option)}</SelectItem>)}
          </SelectContent>
        </Select>
      ) : field.kind === "json" ? (
        <JsonInput control={control} value={value} onChange={onChange} onInvalid={onInvalid} />
      ) : field.kind === "number" || field.kind === "integer" ? (
        <Input {...control} type="number" className="tabular-nums" step={field.kind === "integer" ? 1 : "any"} min={field.minimum ?? undefined} max={field.maximum ?? undefined} value={asText(value)} onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.valueAsNumber)} />
      ) : field.kind === "date-time" ? (
        <UtcInput control={control} value={typeof value === "string" ? value : null} onChange={onChange} />
      ) : (
        <Input {...control} type={field.kind === "date" ? "date" : "text"} placeholder={field.example === undefined ? undefined : asText(field.example)} value={asText(value)} onChange={(event) => onChange(event.target.value === "" ? undefined : event.target.value)} />
      )}
    </Field>
  );
}

function describe(field: ParameterSchema): string | null {
  const parts = [
    field.description,
    field.kind === "date-time" ? words.parameterField.inUtc : null,
    field.minimum !== null || field.maximum !== null ? words.parameterField.fromTo(field.minimum ?? words.parameterField.any, field.maximum ?? words.parameterField.any) : null,
    field.default === undefined ? null : words.parameterField.default(asText(field.default)),
    field.example === undefined ? null : words.parameterField.example(asText(field.example)),
  ].filter((part) => part !== null);
  return parts.length > 0 ? parts.join(" ") : null;
}

type Control = ReturnType<typeof fieldControl>;

function JsonInput({ control, value, onChange, onInvalid }: { control: Control; value: unknown; onChange: (value: unknown) => void; onInvalid: (problem: string | null) => void }) {
  const [text, setText] = useState(() => (value === undefined ? "" : JSON.stringify(value, null, 2)));
  return (
    <Textarea
      {...control}
      spellCheck={false}
      className="font-mono text-xs"
      value={text}
      onChange={(event) => {
        const next = event.target.value;
        setText(next);
        if (next.trim() === "") {
          onInvalid(null);
          return onChange(undefined);
        }
        try {
          onChange(JSON.parse(next));
          onInvalid(null);
        } catch {
          onInvalid(words.parameterField.isNotValidJsonYet);
        }
      }}
    />
  );
}
