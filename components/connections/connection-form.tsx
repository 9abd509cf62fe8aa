"use client";

import { Pencil, Plus } from "lucide-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { toast } from "sonner";
import { useSave } from "@/components/common/use-save";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Dialog, DialogBody, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle, DialogTrigger } from "@/components/ui/dialog";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import { connectionKinds, httpAuths, sslModes, type Connection } from "@/contracts/connection";
import type { Outcome } from "@/lib/ops/attempt";
import { type ConnectionField, connectionValues, definitionOf, noSecret, takesSecret } from "./connection-values";

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

const kindNames = { postgres: "PostgreSQL", odoo: "Odoo (its PostgreSQL database)", http: "HTTP (files and APIs)", s3: "S3 bucket" } as const satisfies Record<(typeof connectionKinds)[number], string>;
const authNames = { none: "none", bearer: "Bearer token", basic: "User and password", header: "A header of its own" } as const satisfies Record<(typeof httpAuths)[number], string>;
/** What the secret is to each kind. */
const secretNames = { postgres: "Password", odoo: "Password", http: "Secret", s3: "Secret access key" } as const satisfies Record<(typeof connectionKinds)[number], string>;
type Option = { value: string; text: string };

export function ConnectionForm({ environmentId, secrets, connection, createAction, changeAction }: ConnectionFormProps) {
  const [open, setOpen] = useState(false);
  const [values, setValues] = useState(() => connectionValues(connection));
  const { pending, refusal, save, forget } = useSave();
  const show = (shown: boolean) => {
    setOpen(shown);
    forget();
    setValues(connectionValues(connection));
  };
  const errorOf = (field: ConnectionField | "kind") => refusal?.errors.find((place) => place.path === `/${field}` || place.path === `/settings/${field}`)?.message;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const definition = definitionOf(values);
    save(() => (connection === undefined ? createAction({ ...definition, environment_id: environmentId, name: values.name }) : changeAction(connection.connection_id, definition)), "Send it again.", (saved) => {
      toast.success(`The connection ${saved.name} is saved.`);
      setOpen(false);
    });
  };
  const input = (field: ConnectionField, label: string, description?: string, { numeric = false, required = true } = {}) => (
    <Field id={`connection-${field}`} label={label} required={required} description={description} error={errorOf(field)}>
      <Input
        {...fieldControl(`connection-${field}`, { description, error: errorOf(field), required })} value={values[field]} inputMode={numeric ? "numeric" : undefined} autoComplete="off" spellCheck={false}
        onChange={(event) => setValues({ ...values, [field]: event.target.value })}
      />
    </Field>
  );
  const choice = (field: ConnectionField | "kind", label: string, options: readonly Option[], description?: string) => (
    <Field id={`connection-${field}`} label={label} description={description} error={errorOf(field)}>
      <Select value={values[field]} onValueChange={(value) => setValues({ ...values, [field]: value })}>
        <SelectTrigger {...fieldControl(`connection-${field}`, { description, error: errorOf(field) })}><SelectValue /></SelectTrigger>
        <SelectContent>{options.map((option) => <SelectItem key={option.value} value={option.value}>{option.text}</SelectItem>)}</SelectContent>
      </Select>
    </Field>
  );
  const postgres = () => (
    <>
      <div className="grid gap-4 sm:grid-cols-[1fr_7rem]">
        {input("host", "Host")}
        {input("port", "Port", undefined, { numeric: true })}
      </div>
      <div className="grid gap-4 sm:grid-cols-2">
        {input("database", "Database")}
        {input("user", "User", "Give it no right to write.")}
      </div>
      {choice("sslmode", "Encryption", sslModes.map((value) => ({ value, text: value })), "require encrypts; verify-full also checks whom it talks to.")}
    </>
  );
  const settings = {
    postgres,
    odoo: postgres,
    http: () => (
      <>
        {input("url", "Base address", "Pipelines name paths below it. Viewers see it: keep keys out of it.")}
        {choice("auth", "Sign in with", httpAuths.map((value) => ({ value, text: authNames[value] })))}
        {values.auth === "basic" ? input("user", "User") : null}
        {values.auth === "header" ? input("header", "Header", "Its name, for example X-Api-Key.") : null}
      </>
    ),
    s3: () => (
      <>
        <div className="grid gap-4 sm:grid-cols-[1fr_9rem]">
          {input("endpoint", "Endpoint")}
          {input("region", "Region")}
        </div>
        <div className="grid gap-4 sm:grid-cols-2">
          {input("bucket", "Bucket")}
          {input("prefix", "Prefix", "Pipelines name keys below it.", { required: false })}
        </div>
        {input("access_key_id", "Access key ID", "Of a key that may list and read, nothing else.")}
      </>
    ),
  } satisfies Record<(typeof connectionKinds)[number], () => ReactNode>;
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
            {settings[values.kind]()}
            {takesSecret(values) ? choice("secret_name", secretNames[values.kind], [{ value: noSecret, text: "none" }, ...secrets.map((value) => ({ value, text: value }))], secrets.length === 0 ? "Store it as a secret first." : "A secret of this environment.") : null}
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
