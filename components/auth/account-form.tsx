"use client";

import { CircleAlert, CircleCheck, Loader } from "lucide-react";
import { useActionState } from "react";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";

/** What became of a form; one of the two is said. */
export type FormState = { problem: string | null; done: string | null; email?: string };
export const untouched: FormState = { problem: null, done: null };

type AccountField = { name: "email" | "password" | "current_password"; label: string; autoComplete: "username" | "new-password" | "current-password" | "email"; description?: string };
type AccountFormProps = {
  id: string;
  fields: readonly AccountField[];
  /** Sent along, unseen. */
  hidden?: Record<string, string>;
  email?: string;
  submit: string;
  action: (before: FormState, form: FormData) => Promise<FormState>;
};

/** A short form about an account: address, password, or both. Works without a script. */
export function AccountForm({ id, fields, hidden = {}, email, submit, action }: AccountFormProps) {
  const [state, send, pending] = useActionState(action, untouched);
  return (
    <form action={send} className="grid gap-4">
      {state.problem ? <Alert variant="failed" role="alert"><CircleAlert aria-hidden /><AlertDescription>{state.problem}</AlertDescription></Alert> : null}
      {state.done ? <Alert role="status"><CircleCheck aria-hidden /><AlertDescription>{state.done}</AlertDescription></Alert> : null}
      {Object.entries(hidden).map(([name, value]) => <input key={name} type="hidden" name={name} value={value} />)}
      {fields.map((field) => {
        const control = `${id}-${field.name}`;
        return (
          <Field key={field.name} id={control} label={field.label} description={field.description}>
            <Input
              {...fieldControl(control, { description: field.description, required: true })}
              name={field.name} type={field.name === "email" ? "email" : "password"} autoComplete={field.autoComplete} required
              {...(field.name === "email" ? { defaultValue: state.email ?? email, key: state.email ?? email } : {})} autoCapitalize="none" spellCheck={false}
            />
          </Field>
        );
      })}
      <Button type="submit" disabled={pending} aria-busy={pending} className="justify-self-start">
        {pending ? <Loader className="animate-spin motion-reduce:animate-none" aria-hidden /> : null}
        {submit}
      </Button>
    </form>
  );
}
