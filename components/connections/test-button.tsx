"use client";

import { Loader, PlugZap } from "lucide-react";
import { useRouter } from "next/navigation";
import { useEffect, useState, useTransition } from "react";
import { toast } from "@/components/ui/toast";
import { Button } from "@/components/ui/button";
import type { Connection } from "@/contracts/connection";
import { isTerminal } from "@/contracts/words";
import { words } from "@/lib/messages/connections";
import type { Outcome } from "@/lib/ops/attempt";

type TestButtonProps = {
  connection: Connection;
  testAction: (id: string) => Promise<Outcome<{ run_id: string }>>;
  readAction: (id: string) => Promise<Outcome<Connection>>;
};
const pollMs = 1000;

/** Queues the test, and waits for its end: that of one which is under way already, too. */
export function TestButton({ connection, testAction, readAction }: TestButtonProps) {
  const router = useRouter();
  const [asked, start] = useTransition();
  const { last_test } = connection;
  const waits = last_test !== null && !isTerminal(last_test.status);
  // Polled rather than streamed: a test takes a moment, and whoever leaves the page finds its result in the list.
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!waits) return;
    const timer = setTimeout(() => {
      void readAction(connection.connection_id).catch(() => null).then((read) => {
        if (read?.ok && read.value.last_test !== null && isTerminal(read.value.last_test.status)) router.refresh();
        else setTurn((before) => before + 1);
      });
    }, pollMs);
    return () => clearTimeout(timer);
  }, [waits, turn, connection.connection_id, readAction, router]);
  const test = () =>
    start(async () => {
      const outcome = await testAction(connection.connection_id).catch(() => null);
      if (outcome === null) toast.error(words.testButton.theControlRoomDidNot);
      else if (!outcome.ok) toast.error(`${outcome.refusal.message} ${outcome.refusal.remedy}`.trim());
      router.refresh();
    });
  const busy = asked || waits;
  return (
    <Button variant="outline" size="sm" disabled={busy} onClick={test} aria-label={words.testButton.testTheConnection(connection.name)}>
      {busy ? <Loader className="animate-spin motion-reduce:animate-none" aria-hidden /> : <PlugZap aria-hidden />}
      {busy ? words.testButton.testing : words.testButton.test}
    </Button>
  );
}
