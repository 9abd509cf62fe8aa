import Link from "next/link";
import type { ReactNode } from "react";
import { messages } from "@/lib/messages";
import { CommandPalette } from "./command-palette";
import { EnvironmentSwitcher } from "./environment-switcher";
import { Mark } from "./mark";
import { MobileNav } from "./mobile-nav";
import { OfflineBanner } from "./offline-banner";
import type { EnvironmentChoice } from "./open-environment";
import type { PaletteActions } from "./palette-list";
import { SearchButton } from "./search-button";
import { ShellKeys } from "./shell-keys";
import { ShortcutSheet } from "./shortcut-sheet";
import { SideNav } from "./side-nav";
import { UserMenu } from "./user-menu";

type AppShellProps = {
  email: string;
  environments: readonly EnvironmentChoice[];
  lastEnvironmentId: string | undefined;
  signOutAction: () => Promise<void>;
  paletteActions: PaletteActions;
  children: ReactNode;
};

/** The frame of every page behind the sign-in: side navigation, header, palette, keys. */
export function AppShell({ email, environments, lastEnvironmentId, signOutAction, paletteActions, children }: AppShellProps) {
  return (
    <div className="flex min-h-dvh">
      <a
        href="#content"
        className="fixed start-2 top-2 z-50 -translate-y-16 rounded-md bg-primary px-3 py-1.5 font-medium text-primary-foreground focus-visible:translate-y-0"
      >
        {messages.shell.skip}
      </a>
      <aside className="sticky top-0 hidden h-dvh w-52 shrink-0 flex-col border-e bg-sidebar lg:flex" data-print="hide">
        <Link href="/" className="flex h-header shrink-0 items-center px-4 focus-visible:-outline-offset-2">
          <Mark />
        </Link>
        <SideNav />
      </aside>
      <div className="flex min-w-0 flex-1 flex-col">
        <header className="sticky top-0 z-30 flex h-header shrink-0 items-center gap-2 border-b bg-background px-2 lg:px-4" data-print="hide">
          <MobileNav />
          <EnvironmentSwitcher environments={environments} lastEnvironmentId={lastEnvironmentId} />
          <div className="ms-auto flex items-center gap-2">
            <SearchButton />
            <UserMenu email={email} signOutAction={signOutAction} />
          </div>
        </header>
        <OfflineBanner />
        <main id="content" tabIndex={-1} className="flex min-w-0 flex-1 flex-col gap-4 px-4 py-4 outline-none lg:px-6">
          {children}
        </main>
      </div>
      <CommandPalette environments={environments} lastEnvironmentId={lastEnvironmentId} actions={paletteActions} />
      <ShortcutSheet />
      <ShellKeys />
    </div>
  );
}
