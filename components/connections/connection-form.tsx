"use client";

import { Pencil, Plus } from "lucide-react";
import { type FormEvent, type ReactNode, useState } from "react";
import { toast } from "@/components/ui/toast";
import { useSave } from "@/components/common/use-save";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Dialog, DialogBody, DialogContent, DialogDescription, DialogFooter, DialogHeader, DialogTitle, DialogTrigger } from "@/components/ui/dialog";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { Select, SelectContent, SelectItem, SelectTrigger, SelectValue } from "@/components/ui/select";
import type { Connection } from "@/contracts/connection";
import { connectionKinds, httpAuths, sslModes } from "@/contracts/words";
import { words } from "@/lib/messages/connections";
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

const kindNames = { postgres: "PostgreSQL", odoo: words.connectionForm.odooItsPostgresqlDatabase, http: words.connectionForm.httpFilesAndApis, s3: "S3 bucket" } as const satisfies Record<(typeof connectionKinds)[number], string>;
const authNames = { none: "none", bearer: words.connectionForm.bearerToken, basic: words.connectionForm.userAndPassword, header: words.connectionForm.aHeaderOfItsOwn } as const satisfies Record<(typeof httpAuths)[number], string>;
/** What the secret is to each kind. */
const secretNames = { postgres: words.connectionForm.password, odoo: words.connectionForm.password, http: words.connectionForm.secret, s3: words.connectionForm.secretAccessKey } as const satisfies Record<(typeof connectionKinds)[number], string>;
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
    save(() => (connection === undefined ? createAction({ ...definition, environment_id: environmentId, name: values.name }) : changeAction(connection.connection_id, definition)), words.connectionForm.sendItAgain, (saved) => {
      toast.success(words.connectionForm.theConnectionIsSaved(saved.name));
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
        {input("host", words.connectionForm.host)}
        {input("port", words.connectionForm.port, undefined, { numeric: true })}
      </div>
      <div className="grid gap-4 sm:grid-cols-2">
        {input("database", words.connectionForm.database)}
        {input("user", words.connectionForm.user, words.connectionForm.giveItNoRightToWrite)}
      </div>
      {choice("sslmode", words.connectionForm.encryption, sslModes.map((value) => ({ value, text: value })), words.connectionForm.requireEncryptsVerifyFullAlso)}
    </>
  );
  const settings = {
    postgres,
    odoo: postgres,
    http: () => (
      <>
        {input("url", words.connectionForm.baseAddress, words.connectionForm.pipelinesNamePathsBelow)}
        {choice("auth", words.connectionForm.signInWith, httpAuths.map((value) => ({ value, text: authNames[value] })))}
        {values.auth === "basic" ? input("user", words.connectionForm.user) : null}
        {values.auth === "header" ? input("header", words.connectionForm.header, words.connectionForm.itsNameForExampleX) : null}
      </>
    ),
    s3: () => (
      <>
        <div className="grid gap-4 sm:grid-cols-[1fr_9rem]">
          {input("endpoint", words.connectionForm.endpoint)}
          {input("region", words.connectionForm.region)}
        </div>
        <div className="grid gap-4 sm:grid-cols-2">
          {input("bucket", words.connectionForm.bucket)}
          {input("prefix", words.connectionForm.prefix, words.connectionForm.pipelinesNameKeysBelowIt, { required: false })}
        </div>
        {input("access_key_id", words.connectionForm.accessKeyId, words.connectionForm.ofAKeyThatMay)}
      </>
    ),
  } satisfies Record<(typeof connectionKinds)[number], () => ReactNode>;
  return (
    <Dialog open={open} onOpenChange={show}>
      <DialogTrigger asChild>
        {connection === undefined ? <Button><Plus aria-hidden />{words.connectionForm.newConnection}</Button> : <Button variant="outline" size="sm" aria-label={words.connectionForm.editTheConnection(connection.name)}><Pencil aria-hidden />{words.connectionForm.edit}</Button>}
      </DialogTrigger>
      <DialogContent>
        <form onSubmit={submit} noValidate className="contents">
          <DialogHeader>
            <DialogTitle>{connection === undefined ? words.connectionForm.newConnection : words.connectionForm.connection(connection.name)}</DialogTitle>
            <DialogDescription>{words.connectionForm.pipelinesNameItTheExecutors}</DialogDescription>
          </DialogHeader>
          <DialogBody className="grid gap-4">
            {refusal !== null && refusal.errors.length === 0 ? <Alert variant="failed" role="alert"><AlertDescription>{refusal.message} {refusal.remedy}</AlertDescription></Alert> : null}
            {connection === undefined ? input("name", words.connectionForm.name, words.connectionForm.lowerCaseLettersDigits) : null}
            {choice("kind", words.connectionForm.kind, connectionKinds.map((value) => ({ value, text: kindNames[value] })))}
            {settings[values.kind]()}
            {takesSecret(values) ? choice("secret_name", secretNames[values.kind], [{ value: noSecret, text: words.connectionForm.none }, ...secrets.map((value) => ({ value, text: value }))], secrets.length === 0 ? words.connectionForm.storeItAsASecretFirst : words.connectionForm.aSecretOfThisEnvironment) : null}
          </DialogBody>
          <DialogFooter>
            <Button variant="outline" onClick={() => show(false)}>{words.connectionForm.close}</Button>
            <Button type="submit" disabled={pending}>{pending ? words.connectionForm.saving : words.connectionForm.save}</Button>
          </DialogFooter>
        </form>
      </DialogContent>
    </Dialog>
  );
}
