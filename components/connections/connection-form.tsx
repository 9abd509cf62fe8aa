"use client";

import { Pencil, Plus } from "lucide-react";
import { useRouter } from "next/navigation";
import { type FormEvent, useState, useTransition } from "react";
import { toast } from "sonner";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Dialog, DialogBody, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle, DialogTrigger } from "@/components/ui/dialog";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { connectionKinds, sslModes, type Connection } from "@/contracts/connection";
import type { Outcome, Refusal } from "@/lib/ops/attempt";

type Save = (input: unknown) => Promise<Outcome<Connection>>;
type ConnectionFormProps = {
  environmentId: string;
  /** Names of the environment's secrets. */
  secrets: string[];
  /** The connection that is changed; without it one is made. */
  connection?: Connection;
  createAction: Save;
  changeAction: (id: string, input: unknown) => Promise<Outcome<Connection>>;
};

const noSecret = "-";
const kindNames = { postgres: "PostgreSQL", odoo: "Odoo (its PostgreSQL database)" } as const satisfies Record<(typeof connectionKinds)[number], string>;
const fresh = { name: "", kind: "postgres", host: "", port: "5432", database: "", user: "", sslmode: "verify-full", secret_name: noSecret };

export function ConnectionForm({ environmentId, secrets, connection, createAction, changeAction }: ConnectionFormProps) {
  const router = useRouter();
  const stored = connection === undefined ? fresh : { ...connection.settings, name: connection.name, kind: connection.kind, port: String(connection.settings.port), secret_name: connection.secret_name ?? noSecret };
  const [open, setOpen] = useState(false);
  const [values, setValues] = useState<Record<keyof typeof fresh, string>>(stored);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const [pending, start] = useTransition();
  const show = (shown: boolean) => {
    setOpen(shown);
    setRefusal(null);
    setValues(stored);
  };
  const errorOf = (field: keyof typeof fresh) => refusal?.errors.find((place) => place.path === `/${field}` || place.path === `/settings/${field}`)?.message;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const { name, kind, secret_name, port, ...rest } = values;
    const definition = { kind, settings: { ...rest, port: Number(port) }, secret_name: secret_name === noSecret ? null : secret_name };
    start(async () => {
      const saving = connection === undefined ? createAction({ ...definition, environment_id: environmentId, name }) : changeAction(connection.connection_id, definition);
      const outcome = await saving.catch(() => null);
      if (outcome === null) return setRefusal({ code: "internal", message: "The control room did not answer.", remedy: "Send it again.", errors: [], request_id: null });
      if (!outcome.ok) return setRefusal(outcome.refusal);
      toast.success(`The connection ${outcome.value.name} is saved.`);
      setOpen(false);
      router.refresh();
    });
  };
  const input = (field: keyof typeof fresh, label: string, description?: string, numeric = false) => (
    <Field id={`connection-${field}`} label={label} required description={description} error={errorOf(field)}>
      <Input
        {...fieldControl(`connection-${field}`, { description, error: errorOf(field), required: true })} value={values[field]} inputMode={numeric ? "numeric" : undefined} autoComplete="off" spellCheck={false}
        onChange={(event) => setValues({ ...values, [field]: event.target.value })}
      />
    </Field>
  );
  const choice = (field: keyof typeof fresh, label: string, options: readonly { value: string; text: string }[], description?: string) => (
    <Field id={`connection-${field}`} label={label} description={description} error={errorOf(field)}>
      <Select value={values[field]} onValueChange={(value) => setValues({ ...values, [field]: value })}>
        <SelectTrigger {...fieldControl(`connection-${field}`, { description, error: errorOf(field) })}><SelectValue /></SelectTrigger>
        <SelectContent>{options.map((option) => <SelectItem key={option.value} value={option.value}>{option.text}</SelectItem>)}</SelectContent>
      </Select>
    </Field>
  );
  return (
    <Dialog open={open} onOpenChange={show}>
      <DialogTrigger asChild>
        {connection === undefined ? <Button><Plus aria-hidden />New connection</Button> : <Button variant="outline" size="sm" aria-label={`Edit the connection ${connection.name}`}><Pencil aria-hidden />Edit</Button>}
      </DialogTrigger>
      <DialogContent>
        <form onSubmit={submit} noValidate className="contents">
          <DialogHeader>
            <DialogTitle>{connection === undefined ? "New connection" : `Connection ${connection.name}`}</DialogTitle>
            <DialogDescription>Pipelines name it; the executors of this environment open it.</DialogDescription>
          </DialogHeader>
          <DialogBody className="grid gap-4">
            {refusal !== null && refusal.errors.length === 0 ? <Alert variant="failed" role="alert"><AlertDescription>{refusal.message} {refusal.remedy}</AlertDescription></Alert> : null}
            {connection === undefined ? input("name", "Name", "Lower-case letters, digits and underscores; it stays.") : null}
            {choice("kind", "Kind", connectionKinds.map((value) => ({ value, text: kindNames[value] })))}
            <div className="grid gap-4 sm:grid-cols-[1fr_7rem]">
              {input("host", "Host")}
              {input("port", "Port", undefined, true)}
            </div>
            <div className="grid gap-4 sm:grid-cols-2">
              {input("database", "Database")}
              {input("user", "User", "Give it no right to write.")}
            </div>
            {choice("sslmode", "Encryption", sslModes.map((value) => ({ value, text: value })), "require encrypts; verify-full also checks whom it talks to.")}
            {choice("secret_name", "Password", [{ value: noSecret, text: "none" }, ...secrets.map((value) => ({ value, text: value }))], secrets.length === 0 ? "Store it as a secret first." : "A secret of this environment.")}
          </DialogBody>
          <DialogFooter>
            <Button variant="outline" onClick={() => show(false)}>Close</Button>
            <Button type="submit" disabled={pending}>{pending ? "Saving…" : "Save"}</Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
