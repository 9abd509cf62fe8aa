"use client";

import { UserPlus } from "lucide-react";
import { useState } from "react";
import { NativeSelect } from "@/components/common/native-select";
import { SecretOnce } from "@/components/common/secret-once";
import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import type { NewInvitation } from "@/contracts/member";
import type { Role } from "@/contracts/role";
import { atLeast, roles } from "@/contracts/words";
import { words } from "@/lib/messages/members";
import type { Outcome } from "@/lib/ops/attempt";
import type { Scope } from "./scopes";

type Request = { organization_id: string; project_id: string | null; environment_id: string | null; email: string; role: Role; expires_in_days: number };
type InviteFormProps = { organizationId: string; organizationName: string; scopes: readonly Scope[]; inviteAction: (request: Request) => Promise<Outcome<NewInvitation>> };

export function InviteForm({ organizationId, organizationName, scopes, inviteAction }: InviteFormProps) {
  const { pending, act } = useAct();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [key, setKey] = useState(scopes[0]?.key ?? "");
  const [days, setDays] = useState("7");
  const [made, setMade] = useState<{ email: string; link: string; mailed: boolean } | null>(null);
  const scope = scopes.find((each) => each.key === key) ?? scopes[0];
  if (scope === undefined) return null;
  const invite = () =>
    act(
      () => inviteAction({ organization_id: organizationId, project_id: scope.project_id, environment_id: scope.environment_id, email, role, expires_in_days: Number(days) }),
      (invitation) => {
        setMade({ email: invitation.email, link: location.origin + invitation.path, mailed: invitation.mailed });
        setEmail("");
      },
    );
  return (
    <>
      <form className="grid gap-3 sm:grid-cols-2" onSubmit={(event) => { event.preventDefault(); invite(); }}>
        <Field id="invite-email" label={words.inviteForm.email} className="sm:col-span-2">
          <Input {...fieldControl("invite-email", { required: true })} type="email" required autoComplete="off" value={email} onChange={(event) => setEmail(event.target.value)} />
        </Field>
        <Field id="invite-scope" label={words.inviteForm.where}>
          <NativeSelect id="invite-scope" value={scope.key} onChange={(event) => setKey(event.target.value)}>
            {scopes.map((each) => <option key={each.key} value={each.key}>{each.name}</option>)}
          </NativeSelect>
        </Field>
        <Field id="invite-role" label={words.inviteForm.role}>
          <NativeSelect id="invite-role" value={role} onChange={(event) => setRole(event.target.value as Role)}>
            {roles.map((each) => <option key={each} value={each} disabled={!atLeast(scope.highest, each)}>{each}</option>)}
          </NativeSelect>
        </Field>
        <Field id="invite-days" label={words.inviteForm.validFor}>
          <NativeSelect id="invite-days" value={days} onChange={(event) => setDays(event.target.value)}>
            {["1", "7", "30"].map((each) => <option key={each} value={each}>{each === "1" ? words.inviteForm.oneDay : words.inviteForm.days(each)}</option>)}
          </NativeSelect>
        </Field>
        <div className="flex items-end justify-end">
          <Button type="submit" disabled={pending}><UserPlus aria-hidden />{words.inviteForm.invite}</Button>
        </div>
      </form>
      {made ? (
        <>
          <SecretOnce title={words.inviteForm.isInvited(made.email)} value={made.link} what={words.inviteForm.invitationLink} hint={made.mailed ? words.inviteForm.mailed : words.inviteForm.notMailed} />
          <Button asChild variant="outline" size="sm" className="justify-self-start">
            <a href={`mailto:${encodeURIComponent(made.email)}?subject=${encodeURIComponent(`Invitation to ${organizationName}`)}&body=${encodeURIComponent(`Open this link to join ${organizationName} in the control room:\n\n${made.link}`)}`}>{words.inviteForm.writeTheEmail}</a>
          </Button>
        </>
      ) : null}
    </>
  );
}
