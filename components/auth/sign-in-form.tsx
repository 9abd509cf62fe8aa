"use client";

import { CircleAlert, Eye, EyeOff, Loader } from "lucide-react";
import { useActionState, useEffect, useRef, useState } from "react";
import { Alert, AlertDescription } from "@/components/ui/alert";
import { Button } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import { words } from "@/lib/messages/auth";

const problems = words.signInForm.problems;

export type SignInState = { email: string; problem: keyof typeof problems | null };

type SignInFormProps = {
  /** A path of this site. */
  next: string;
  action: (before: SignInState, form: FormData) => Promise<SignInState>;
};

export function SignInForm({ next, action }: SignInFormProps) {
  const [state, submit, pending] = useActionState(action, { email: "", problem: null });
  const [shown, setShown] = useState(false);
  const password = useRef<HTMLInputElement>(null);
  const emailError = state.problem === "email_missing" ? problems.email_missing : undefined;
  const passwordError = state.problem === "password_missing" ? problems.password_missing : undefined;
  const general = state.problem !== null && !emailError && !passwordError ? problems[state.problem] : null;

  useEffect(() => {
    if (state.problem !== null && state.problem !== "email_missing") password.current?.focus();
  }, [state]);

  return (
    <form action={submit} className="grid gap-4" noValidate>
      {general ? (
        <Alert variant="failed" role="alert">
          <CircleAlert aria-hidden />
          <AlertDescription>{general}</AlertDescription>
        </Alert>
      ) : null}
      <input type="hidden" name="next" value={next} />
      <Field id="email" label={words.signInForm.email} error={emailError}>
        <Input {...fieldControl("email", { error: emailError, required: true })} name="email" type="email" autoComplete="username" inputMode="email" autoCapitalize="none" spellCheck={false} defaultValue={state.email} key={state.email} />
      </Field>
      <Field id="password" label={words.signInForm.password} error={passwordError}>
        <div className="relative">
          <Input {...fieldControl("password", { error: passwordError, required: true })} ref={password} name="password" type={shown ? "text" : "password"} autoComplete="current-password" autoCapitalize="none" spellCheck={false} className="pe-9" />
          <Button variant="ghost" size="icon-xs" className="absolute end-1 top-1 text-muted-foreground" aria-label={shown ? words.signInForm.hideThePassword : words.signInForm.showThePassword} aria-pressed={shown} onClick={() => setShown(!shown)}>
            {shown ? <EyeOff aria-hidden /> : <Eye aria-hidden />}
          </Button>
        </div>
      </Field>
      <Button type="submit" disabled={pending} aria-busy={pending}>
        {pending ? <Loader className="animate-spin motion-reduce:animate-none" aria-hidden /> : null}
        {pending ? words.signInForm.signingIn : words.signInForm.signIn}
      </Button>
    </form>
  );
}
