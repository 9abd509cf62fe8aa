"use client";

import { CircleUser, Keyboard, LogOut, Trash2 } from "lucide-react";
import NextLink from "next/link";
import { useTheme } from "next-themes";
import { Link } from "@/components/common/link";
import { setPreferences, usePreferences } from "@/components/common/preferences";
import { DropdownMenuCheckboxItem, DropdownMenuItem, DropdownMenuLabel, DropdownMenuRadioGroup, DropdownMenuRadioItem, DropdownMenuSeparator, TakenMenu } from "@/components/ui/dropdown-menu";
import { Kbd } from "@/components/ui/kbd";
import type { Taken } from "@/components/ui/on-demand";
import { messages } from "@/lib/messages";
import { showOverlay } from "./overlays";
import { forgetVisits } from "./recent";

export type UserMenuItemsProps = Taken & { email: string; onSignOut: () => void };

/** What a person chooses for this browser, the account, and the way out. */
export function UserMenuItems({ email, onSignOut, ...taken }: UserMenuItemsProps) {
  const { theme = "system", setTheme } = useTheme();
  const { times, singleKeys } = usePreferences();
  return (
    <TakenMenu align="end" className="w-60" {...taken}>
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
          onSignOut();
        }}
      >
        <LogOut aria-hidden />
        {messages.shell.signOut}
      </DropdownMenuItem>
    </TakenMenu>
  );
}
