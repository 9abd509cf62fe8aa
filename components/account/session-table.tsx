"use client";

import { ConfirmButton } from "@/components/common/confirm-button";
import { Time } from "@/components/common/time";
import { useAct } from "@/components/common/use-act";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Session } from "@/contracts/session";
import { words } from "@/lib/messages/account";
import type { Outcome } from "@/lib/ops/attempt";

type SessionTableProps = { sessions: readonly Session[]; actions: { revoke: (sessionId: string) => Promise<Outcome<void>>; endOthers: () => Promise<Outcome<void>> } };

/** Where the person is signed in. Ended, a session is refused at its next request. */
export function SessionTable({ sessions, actions }: SessionTableProps) {
  const { pending, act } = useAct();
  return (
    <>
      <Table label={words.sessionTable.sessionsLastUsedFirst} cards>
        <TableHeader>
          <TableRow><TableHead>{words.sessionTable.browser}</TableHead><TableHead>{words.sessionTable.address}</TableHead><TableHead>{words.sessionTable.signedIn}</TableHead><TableHead>{words.sessionTable.lastRenewed}</TableHead><TableHead><span className="sr-only">{words.sessionTable.end}</span></TableHead></TableRow>
        </TableHeader>
        <TableBody>
          {sessions.map((session) => (
            <TableRow key={session.session_id}>
              <TableCell><span className="inline-block max-w-72 truncate align-middle" title={session.user_agent ?? undefined}>{session.user_agent ?? words.sessionTable.unknown}</span></TableCell>
              <TableCell><code className="text-xs">{session.ip ?? "—"}</code></TableCell>
              <TableCell narrow={false}><Time at={session.created_at} /></TableCell>
              <TableCell><Time at={session.last_seen_at} /></TableCell>
              <TableCell numeric>
                {session.current ? <Badge>{words.sessionTable.thisOne}</Badge> : <ConfirmButton disabled={pending} aria-label={words.sessionTable.endTheSessionOf(session.ip ?? "unknown")} confirm={words.sessionTable.endIt} title={words.sessionTable.endThisSession} description={words.sessionTable.endThisSessionDescription} onConfirm={() => act(() => actions.revoke(session.session_id))}>{words.sessionTable.end}</ConfirmButton>}
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
      {sessions.some((each) => !each.current) ? <Button variant="outline" size="sm" className="justify-self-start" disabled={pending} onClick={() => act(actions.endOthers)}>{words.sessionTable.signOutEverywhereElse}</Button> : null}
    </>
  );
}
