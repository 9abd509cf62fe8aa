import type { Metadata } from "next";
import { connection } from "next/server";
import { openEnvironment, one, type EnvironmentParams, type SearchParams } from "@/app/(control-room)/session.ts";
import { EmptyState, NoAccess } from "@/components/common/empty-state";
import { Link } from "@/components/common/link";
import { RefusalState } from "@/components/common/refusal-state";
import { scopesOf } from "@/components/members/scopes";
import { PageHeader } from "@/components/shell/page-header";
import { CreateToken } from "@/components/tokens/create-token";
import { ExecutorTokenTable } from "@/components/tokens/executor-token-table";
import { TokenTable } from "@/components/tokens/token-table";
import { Button } from "@/components/ui/button";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/tokens";
import { listApiTokens } from "@/lib/ops/api-tokens.ts";
import { attempt } from "@/lib/ops/attempt.ts";
import { listExecutorTokens } from "@/lib/ops/executor-registry.ts";
import { listExecutors } from "@/lib/ops/executors.ts";
import { listMembers } from "@/lib/ops/members.ts";
import { createTokenAction, revokeExecutorTokenAction, revokeTokenAction, rotateExecutorTokenAction, rotateTokenAction } from "./actions.ts";

export const metadata: Metadata = { title: messages.page.tokens };
const pageSize = 50;
const executorsShown = 50;

export default async function Tokens({ params, searchParams }: { params: Promise<EnvironmentParams>; searchParams: SearchParams }) {
  await connection();
  const { db, me, environment } = await openEnvironment(params);
  const { organization_id, project_id, project_name } = environment;
  const cursor = one((await searchParams).cursor);
  const read = await attempt(async () => {
    const [members, tokens, executors] = await Promise.all([
      listMembers(db, { organization_id, limit: 200 }), listApiTokens(db, { project_id, limit: pageSize, cursor }), listExecutors(db, { project_id, limit: executorsShown }),
    ]);
    const held = await Promise.all(executors.items.map((each) => listExecutorTokens(db, each.executor_id)));
    return { own: members.items.filter((each) => each.user_id === me.id), tokens, executors: executors.items.map((executor, index) => ({ executor, tokens: held[index]?.items ?? [] })) };
  });
  if (!read.ok) return <RefusalState refusal={read.refusal} heading="h1" title={words.page.theTokensCouldNotBeLoaded} />;
  const { own, tokens, executors } = read.value;
  const scopes = scopesOf(me.environments, own, organization_id).filter((each) => each.project_id === project_id);
  const names = Object.fromEntries(me.environments.map((each) => [each.environment_id, each.name]));
  if (scopes.length === 0) {
    return (
      <>
        <PageHeader title={messages.page.tokens} />
        <NoAccess description={words.page.tokensAreForAdmins} />
      </>
    );
  }
  return (
    <>
      <PageHeader title={messages.page.tokens} meta={<span>{project_name}</span>} />
      <section className="grid min-w-0 gap-3" aria-labelledby="api-tokens">
        <h2 id="api-tokens" className="text-sm font-semibold">{words.page.apiTokens}</h2>
        <CreateToken projectId={project_id} scopes={scopes} createAction={createTokenAction} />
        {tokens.items.length === 0 ? (
          <EmptyState title={words.page.noTokenYet} description={words.page.noTokenYetDescription} />
        ) : (
          <TokenTable tokens={tokens.items} environments={names} actions={{ rotate: rotateTokenAction, revoke: revokeTokenAction }} />
        )}
        {tokens.next_cursor ? (
          <nav aria-label={words.page.pagesOfTokens} className="flex justify-end">
            <Button asChild variant="outline" size="sm"><Link href={`/tokens?cursor=${tokens.next_cursor}`}>{words.page.nextPage}</Link></Button>
          </nav>
        ) : null}
      </section>
      {scopes.some((each) => each.environment_id === null) ? (
        <section className="grid min-w-0 gap-3" aria-labelledby="executor-tokens">
          <h2 id="executor-tokens" className="text-sm font-semibold">{words.page.executorTokens}</h2>
          <ExecutorTokenTable executors={executors} actions={{ rotate: rotateExecutorTokenAction, revoke: revokeExecutorTokenAction }} />
        </section>
      ) : null}
    </>
  );
}
