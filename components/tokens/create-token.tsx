"use client";

import { KeyRound } from "lucide-react";
import { useState } from "react";
import { NativeSelect } from "@/components/common/native-select";
import { SecretOnce } from "@/components/common/secret-once";
import { useAct } from "@/components/common/use-act";
import type { Scope } from "@/components/members/scopes";
import { Button } from "@/components/ui/button";
import { Field, fieldControl } from "@/components/ui/field";
import { Input } from "@/components/ui/input";
import type { NewApiToken } from "@/contracts/api-token";
import type { Role } from "@/contracts/role";
import { atLeast, roles } from "@/contracts/words";
import { words } from "@/lib/messages/tokens";
import type { Outcome } from "@/lib/ops/attempt";

type Request = { project_id: string; environment_id: string | null; name: string; role: Role; expires_in_days: number };
type CreateTokenProps = { projectId: string; scopes: readonly Scope[]; createAction: (request: Request) => Promise<Outcome<NewApiToken>> };

export function CreateToken({ projectId, scopes, createAction }: CreateTokenProps) {
  const { pending, act } = useAct();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [key, setKey] = useState(scopes[0]?.key ?? "");
  const [days, setDays] = useState("90");
  const [made, setMade] = useState<NewApiToken | null>(null);
  const scope = scopes.find((each) => each.key === key) ?? scopes[0];
  if (scope === undefined) return null;
  const create = () =>
    act(
      () => createAction({ project_id: projectId, environment_id: scope.environment_id, name, role, expires_in_days: Number(days) }),
      (token) => {
        setMade(token);
        setName("");
      },
    );
  return (
    <>
      <form className="flex flex-wrap items-end gap-3" onSubmit={(event) => { event.preventDefault(); create(); }}>
        <Field id="token-name" label={words.createToken.name} className="min-w-48 flex-1">
          <Input {...fieldControl("token-name", { required: true })} required maxLength={100} placeholder={words.createToken.whatWillUseIt} autoComplete="off" value={name} onChange={(event) => setName(event.target.value)} />
        </Field>
        <Field id="token-scope" label={words.createToken.for}>
          <NativeSelect id="token-scope" value={scope.key} onChange={(event) => setKey(event.target.value)}>
            {scopes.map((each) => <option key={each.key} value={each.key}>{each.name}</option>)}
          </NativeSelect>
        </Field>
        <Field id="token-role" label={words.createToken.role}>
          <NativeSelect id="token-role" value={role} onChange={(event) => setRole(event.target.value as Role)}>
            {roles.map((each) => <option key={each} value={each} disabled={!atLeast(scope.highest, each)}>{each}</option>)}
          </NativeSelect>
        </Field>
        <Field id="token-days" label={words.createToken.endsAfter}>
          <NativeSelect id="token-days" value={days} onChange={(event) => setDays(event.target.value)}>
            {["7", "30", "90", "365"].map((each) => <option key={each} value={each}>{words.createToken.days(each)}</option>)}
          </NativeSelect>
        </Field>
        <Button type="submit" disabled={pending}><KeyRound aria-hidden />{words.createToken.createToken}</Button>
      </form>
      {made ? <SecretOnce title={words.createToken.theTokenIsMade(made.name)} value={made.token} what={words.createToken.token} hint={words.createToken.theTokenIsMadeHint} /> : null}
    </>
  );
}
