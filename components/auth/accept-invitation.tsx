"use client";

import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import type { Outcome } from "@/lib/ops/attempt";

export function AcceptInvitation({ email, action }: { email: string; action: () => Promise<Outcome<void>> }) {
  const { pending, act } = useAct();
  return (
    <div className="grid justify-items-start gap-3">
      <Button disabled={pending} onClick={() => act(action)}>Accept</Button>
      <p className="text-xs text-muted-foreground">You are signed in as {email}.</p>
    </div>
  );
}

export function OtherAccount({ email, action }: { email: string; action: () => Promise<void> }) {
  return (
    <form action={action} className="grid justify-items-start gap-3">
      <Button type="submit" variant="outline">Sign in as somebody else</Button>
      <p className="text-xs text-muted-foreground">You are signed in as {email}.</p>
    </form>
  );
}
