import type { fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { messages } from "@/lib/messages";

type UtcInputProps = { control: ReturnType<typeof fieldControl>; value: string | null | undefined; onChange: (value: string | undefined) => void };

/** A moment, shown and sent in UTC, so that the same form means the same wherever it is filled in. */
export function UtcInput({ control, value, onChange }: UtcInputProps) {
  const moment = value == null ? Number.NaN : Date.parse(value);
  return (
    <div className="flex items-center gap-2">
      <Input {...control} type="datetime-local" step={1} value={Number.isNaN(moment) ? "" : new Date(moment).toISOString().slice(0, 19)} onChange={(event) => onChange(event.target.value === "" ? undefined : new Date(`${event.target.value}Z`).toISOString())} />
      <span className="text-xs text-muted-foreground">{messages.time.utc}</span>
    </div>
  );
}
