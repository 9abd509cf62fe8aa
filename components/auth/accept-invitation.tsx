"use client";

import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { words } from "@/lib/messages/auth";
import type { Outcome } from "@/lib/ops/attempt";

export function AcceptInvitation({ email, action }: { email: string; action: () => Promise<Outcome<void>> }) {
  const { pending, act } = useAct();
  return (
    <div className="grid justify-items-start gap-3">
      <Button disabled={pending} onClick={() => act(action)}>{words.acceptInvitation.accept}</Button>
      <p className="text-xs text-muted-foreground">{words.acceptInvitation.youAreSignedInAs(email)}</p>
    </div>
  );
}

export function OtherAccount({ email, action }: { email: string; action: () => Promise<void> }) {
  return (
    <form action={action} className="grid justify-items-start gap-3">
      <Button type="submit" variant="outline">{words.acceptInvitation.signInAsSomebodyElse}</Button>
      <p className="text-xs text-muted-foreground">{words.acceptInvitation.youAreSignedInAs(email)}</p>
    </form>
  );
}
