"use client";

import { useState } from "react";
import { ConfirmButton } from "@/components/common/confirm-button";
import { useNow } from "@/components/common/now";
import { SecretOnce } from "@/components/common/secret-once";
import { Time } from "@/components/common/time";
import { useAct } from "@/components/common/use-act";
import { Badge } from "@/components/ui/badge";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { Executor, ExecutorToken } from "@/contracts/executor";
import { words } from "@/lib/messages/tokens";
import type { Outcome } from "@/lib/ops/attempt";

type ExecutorTokenTableProps = {
  executors: readonly { executor: Executor; tokens: readonly ExecutorToken[] }[];
  actions: { rotate: (executorId: string) => Promise<Outcome<{ token: string }>>; revoke: (executorId: string, tokenId: string) => Promise<Outcome<void>> };
};

/** Executors of the project with the tokens that still work. */
export function ExecutorTokenTable({ executors, actions }: ExecutorTokenTableProps) {
  const { pending, act } = useAct();
  const now = useNow("half_minute");
  const [made, setMade] = useState<{ name: string; token: string } | null>(null);
  if (executors.length === 0) return <p className="py-6 text-center text-muted-foreground">{words.executorTokenTable.theProjectHasNoExecutor}</p>;
  return (
    <>
      {made ? <SecretOnce title={words.executorTokenTable.aTokenFor(made.name)} value={made.token} what={words.executorTokenTable.executorToken} hint={words.executorTokenTable.aTokenForHint} /> : null}
      <Table label={words.executorTokenTable.executorsAndTheirTokens} cards>
        <TableHeader>
          <TableRow><TableHead>{words.executorTokenTable.executor}</TableHead><TableHead>{words.executorTokenTable.status}</TableHead><TableHead>{words.executorTokenTable.tokens}</TableHead><TableHead><span className="sr-only">{words.executorTokenTable.newToken}</span></TableHead></TableRow>
        </TableHeader>
        <TableBody>
          {executors.map(({ executor, tokens }) => (
            <TableRow key={executor.executor_id}>
              <TableCell>{executor.name}</TableCell>
              <TableCell><Badge>{executor.status}</Badge></TableCell>
              <TableCell>
                <ul className="grid gap-1 py-1">
                  {tokens.filter((token) => token.revoked_at === null && (now === null || Date.parse(token.expires_at) > now)).map((token) => (
                    <li key={token.executor_token_id} className="flex flex-wrap items-center gap-x-2">
                      <code className="text-xs">{token.prefix}…</code>
                      <span className="text-xs text-muted-foreground">{words.executorTokenTable.usedEnds(<Time at={token.last_used_at} absent={words.executorTokenTable.never} />, <Time at={token.expires_at} />)}</span>
                      <ConfirmButton disabled={pending} aria-label={words.executorTokenTable.revokeLabel(token.prefix)} confirm={words.executorTokenTable.revoke} title={words.executorTokenTable.revokeQuestion(token.prefix)} description={words.executorTokenTable.revokeDescription} onConfirm={() => act(() => actions.revoke(executor.executor_id, token.executor_token_id))}>{words.executorTokenTable.revoke}</ConfirmButton>
                    </li>
                  ))}
                </ul>
              </TableCell>
              <TableCell numeric>
                <ConfirmButton disabled={pending} aria-label={words.executorTokenTable.newTokenFor(executor.name)} confirm={words.executorTokenTable.makeIt} title={words.executorTokenTable.aNewTokenForQuestion(executor.name)} description={words.executorTokenTable.aNewTokenForDescription} onConfirm={() => act(() => actions.rotate(executor.executor_id), ({ token }) => setMade({ name: executor.name, token }))}>{words.executorTokenTable.newToken}</ConfirmButton>
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </>
  );
}
