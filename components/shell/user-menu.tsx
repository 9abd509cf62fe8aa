"use client";

import { CircleUser, Keyboard, LogOut, Trash2 } from "lucide-react";
import NextLink from "next/link";
import { useTheme } from "next-themes";
import { useRef } from "react";
import { Link } from "@/components/common/link";
import { setPreferences, usePreferences } from "@/components/common/preferences";
import {
  DropdownMenu,
  DropdownMenuCheckboxItem,
  DropdownMenuContent,
  DropdownMenuItem,
  DropdownMenuLabel,
  DropdownMenuRadioGroup,
  DropdownMenuRadioItem,
  DropdownMenuSeparator,
  DropdownMenuTrigger,
} from "@/components/ui/dropdown-menu";
import { Kbd } from "@/components/ui/kbd";
import { messages } from "@/lib/messages";
import { showOverlay } from "./overlays";
import { forgetVisits } from "./recent";

type UserMenuProps = {
  email: string;
  /** A server action that ends the session and redirects to the sign-in page. */
  signOutAction: () => Promise<void>;
};

export function UserMenu({ email, signOutAction }: UserMenuProps) {
  const { theme = "system", setTheme } = useTheme();
  const { times, singleKeys } = usePreferences();
  const form = useRef<HTMLFormElement>(null);

  return (
    <>
      {/* Outside the menu, which is gone from the page before the browser would submit a form in it. */}
      <form ref={form} action={signOutAction} hidden />
      <DropdownMenu>
        <DropdownMenuTrigger
          aria-label={messages.shell.account(email)}
          className="grid size-7 shrink-0 place-items-center rounded-full bg-accent text-xs font-semibold text-accent-foreground uppercase hover:ring-2 hover:ring-ring"
        >
          {email.slice(0, 1)}
        </DropdownMenuTrigger>
        <DropdownMenuContent align="end" className="w-60">
          <DropdownMenuLabel className="truncate text-sm text-foreground" title={email}>
            {email}
          </DropdownMenuLabel>
          <DropdownMenuItem asChild>
            <NextLink href="/account">
              <CircleUser aria-hidden />
              {messages.page.account}
            </NextLink>
          </DropdownMenuItem>
          <DropdownMenuSeparator />
          <DropdownMenuLabel>{messages.shell.theme}</DropdownMenuLabel>
          <DropdownMenuRadioGroup value={theme} onValueChange={setTheme}>
            {(["light", "dark", "system"] as const).map((choice) => (
              <DropdownMenuRadioItem key={choice} value={choice} onSelect={(event) => event.preventDefault()}>
                {messages.shell[choice]}
              </DropdownMenuRadioItem>
            ))}
          </DropdownMenuRadioGroup>
          <DropdownMenuSeparator />
          <DropdownMenuLabel>{messages.shell.times}</DropdownMenuLabel>
          <DropdownMenuRadioGroup value={times} onValueChange={(value) => setPreferences({ times: value === "utc" ? "utc" : "local" })}>
            <DropdownMenuRadioItem value="local" onSelect={(event) => event.preventDefault()}>
              {messages.shell.localTimes}
            </DropdownMenuRadioItem>
            <DropdownMenuRadioItem value="utc" onSelect={(event) => event.preventDefault()}>
              {messages.shell.utcTimes}
            </DropdownMenuRadioItem>
          </DropdownMenuRadioGroup>
          <DropdownMenuSeparator />
          <DropdownMenuCheckboxItem
            checked={singleKeys}
            onCheckedChange={(checked) => setPreferences({ singleKeys: checked })}
            onSelect={(event) => event.preventDefault()}
          >
            {messages.shell.singleKeys}
          </DropdownMenuCheckboxItem>
          <DropdownMenuItem onSelect={() => showOverlay("shortcuts")}>
            <Keyboard aria-hidden />
            {messages.shell.shortcuts}
            <Kbd className="ms-auto">?</Kbd>
          </DropdownMenuItem>
          <DropdownMenuItem asChild>
            <Link href="/danger">
              <Trash2 aria-hidden />
              {messages.page.danger}
            </Link>
          </DropdownMenuItem>
          <DropdownMenuSeparator />
          <DropdownMenuItem
            onSelect={() => {
              forgetVisits();
              form.current?.requestSubmit();
            }}
          >
            <LogOut aria-hidden />
            {messages.shell.signOut}
          </DropdownMenuItem>
        </DropdownMenuContent>
      </DropdownMenu>
    </>
  );
}
