import type { Metadata } from "next";
import { AccountForm } from "@/components/auth/account-form";
import { AuthPage } from "@/components/auth/auth-page";
import { resetPasswordAction } from "./actions.ts";

export const metadata: Metadata = { title: "Choose a new password" };

/** Reached by the link of a mail, which has signed the person in: proxy.ts lets nobody else here. */
export default function ResetPassword() {
  return (
    <AuthPage title="Choose a new password" description="You are signed out everywhere else.">
      <AccountForm id="reset" submit="Save the password" action={resetPasswordAction} fields={[{ name: "password", label: "New password", autoComplete: "new-password" }]} />
    </AuthPage>
  );
}
