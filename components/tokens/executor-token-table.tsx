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
  if (executors.length === 0) return <p className="py-6 text-center text-muted-foreground">The project has no executor.</p>;
  return (
    <>
      {made ? <SecretOnce title={`A token for ${made.name}`} value={made.token} what="executor token" hint="Copy it now: it is shown this once. Its former tokens work for one more day." /> : null}
      <Table label="Executors and their tokens" cards>
        <TableHeader>
          <TableRow><TableHead>Executor</TableHead><TableHead>Status</TableHead><TableHead>Tokens</TableHead><TableHead><span className="sr-only">New token</span></TableHead></TableRow>
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
                      <span className="text-xs text-muted-foreground">used <Time at={token.last_used_at} absent="never" />, ends <Time at={token.expires_at} /></span>
                      <ConfirmButton disabled={pending} aria-label={`Revoke ${token.prefix}`} confirm="Revoke" title={`Revoke ${token.prefix}…?`} description="The executor is refused from its next request on, unless it has another token." onConfirm={() => act(() => actions.revoke(executor.executor_id, token.executor_token_id))}>Revoke</ConfirmButton>
                    </li>
                  ))}
                </ul>
              </TableCell>
              <TableCell numeric>
                <ConfirmButton disabled={pending} aria-label={`New token for ${executor.name}`} confirm="Make it" title={`A new token for ${executor.name}?`} description="It is shown once and ends after 90 days. The former ones work for one more day." onConfirm={() => act(() => actions.rotate(executor.executor_id), ({ token }) => setMade({ name: executor.name, token }))}>New token</ConfirmButton>
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </>
  );
}
