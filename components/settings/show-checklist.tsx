"use client";

import { useAct } from "@/components/common/use-act";
import { Button } from "@/components/ui/button";
import { words } from "@/lib/messages/settings";
import type { Outcome } from "@/lib/ops/attempt";

/** Brings the first steps back to the person's overview. */
export function ShowChecklist({ show }: { show: () => Promise<Outcome<unknown>> }) {
  const { pending, act } = useAct();
  return <Button variant="outline" size="sm" className="w-fit" disabled={pending} onClick={() => act(show)}>{words.showChecklist.showTheFirstSteps}</Button>;
}
