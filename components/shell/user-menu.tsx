"use client";

import { useRef } from "react";
import { OnDemandButton } from "@/components/ui/on-demand";
import { messages } from "@/lib/messages";

type UserMenuProps = {
  email: string;
  /** A server action that ends the session and redirects to the sign-in page. */
  signOutAction: () => Promise<void>;
};

const load = () => import("./user-menu-items").then((loaded) => loaded.UserMenuItems);

export function UserMenu({ email, signOutAction }: UserMenuProps) {
  const form = useRef<HTMLFormElement>(null);
  return (
    <>
      {/* Outside the menu, which is gone from the page before the browser would submit a form in it. */}
      <form ref={form} action={signOutAction} hidden />
      <OnDemandButton load={load} part={{ email, onSignOut: () => form.current?.requestSubmit() }} popup="menu">
        <button
          type="button"
          aria-label={messages.shell.account(email)}
          className="grid size-7 shrink-0 place-items-center rounded-full bg-accent text-xs font-semibold text-accent-foreground uppercase hover:ring-2 hover:ring-ring"
        >
          {email.slice(0, 1)}
        </button>
      </OnDemandButton>
    </>
  );
}
