"use client";

import { Search, X } from "lucide-react";
import { useRouter } from "next/navigation";
import { Link, useEnvironmentHref } from "@/components/common/link";
import { Button } from "@/components/ui/button";
import { Input } from "@/components/ui/input";
import { Label } from "@/components/ui/label";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/audit";
import { auditFilterOf, type AuditFilterState } from "./audit-filter-state";

const fields = [
  { name: "actor", label: words.auditFilters.who, placeholder: words.auditFilters.emailTokenSchedule, type: "text" },
  { name: "action", label: words.auditFilters.action, placeholder: words.auditFilters.runRunCanceled, type: "text" },
  { name: "object", label: words.auditFilters.object, placeholder: words.auditFilters.idOrKey, type: "text" },
  { name: "since", label: words.auditFilters.from, placeholder: "", type: "date" },
  { name: "until", label: words.auditFilters.to, placeholder: "", type: "date" },
] as const;

/** A form whose answers become the address; without a script it submits there by itself. */
export function AuditFilters({ state, environmentName }: { state: AuditFilterState; environmentName: string }) {
  const router = useRouter();
  const action = useEnvironmentHref()("/audit");
  const filtered = Object.keys(state).length > 0;
  return (
    <search aria-label={words.auditFilters.filterTheAuditLog}>
      <form
        // Other filters than those of the last render, such as after Back: the fields begin anew.
        key={JSON.stringify(state)}
        action={action}
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          const wanted = auditFilterOf((name) => data.get(name)?.toString());
          router.push(`${action}?${new URLSearchParams(wanted).toString()}`);
        }}
        className="flex flex-wrap items-end gap-2"
      >
        {fields.map(({ name, label, placeholder, type }) => (
          <div key={name} className="grid gap-1">
            <Label htmlFor={`audit-${name}`} className="text-xs">{label}</Label>
            <Input id={`audit-${name}`} name={name} type={type} placeholder={placeholder} defaultValue={state[name] ?? ""} autoComplete="off" spellCheck={false} className="h-8 w-44" />
          </div>
        ))}
        <label className="flex h-8 items-center gap-2">
          <input type="checkbox" name="where" value="here" defaultChecked={state.where === "here"} className="size-4 accent-primary" />
          {words.auditFilters.only(environmentName)}
        </label>
        <Button type="submit" size="sm"><Search aria-hidden />{words.auditFilters.filter}</Button>
        {filtered ? <Button asChild variant="ghost" size="sm"><Link href="/audit?view=all"><X aria-hidden />{messages.action.clearFilters}</Link></Button> : null}
      </form>
    </search>
  );
}
