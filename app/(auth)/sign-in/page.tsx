import type { Metadata } from "next";
import Link from "next/link";
import { redirect } from "next/navigation";
import { SignInForm } from "@/components/auth/sign-in-form";
import { AuthPage, authLinkClasses } from "@/components/auth/auth-page";
import { messages } from "@/lib/messages";
import { words } from "@/lib/messages/auth";
import { attempt } from "@/lib/ops/attempt.ts";
import { whoami } from "@/lib/ops/environments.ts";
import { createSessionClient } from "@/lib/supabase/server.ts";
import { signInAction } from "./actions.ts";
import { safeNextPath } from "./next-path.ts";

export const metadata: Metadata = { title: words.signInPage.signIn };

type PageProps = { searchParams: Promise<Record<string, string | string[] | undefined>> };

export default async function SignIn({ searchParams }: PageProps) {
  const { next: given } = await searchParams;
  const next = safeNextPath(Array.isArray(given) ? given[0] : given);
  const db = await createSessionClient();
  const { data } = await db.auth.getClaims();
  // A session that the database no longer takes must end here, or both pages would send each other on for ever.
  if (data !== null && (await attempt(() => whoami(db))).ok) redirect(next);
  return (
    <AuthPage
      title={words.signInPage.signIn}
      description={next.startsWith("/invitations/") ? words.signInPage.signInDescription : messages.productDescription}
      footer={
        <>
          <Link href="/forgot-password" className={authLinkClasses}>{words.signInPage.forgotPassword}</Link>
          <Link href={`/sign-up?next=${encodeURIComponent(next)}`} className={authLinkClasses}>{words.signInPage.createAnAccount}</Link>
        </>
      }
    >
      <SignInForm next={next} action={signInAction} />
    </AuthPage>
  );
}
