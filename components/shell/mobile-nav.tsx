"use client";

import { Menu } from "lucide-react";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { useLoaded } from "@/components/ui/on-demand";
import { Sheet, SheetContent, SheetHeader, SheetTitle, SheetTrigger } from "@/components/ui/sheet";
import { messages } from "@/lib/messages";
import { Mark } from "./mark";

const load = () => import("./side-nav").then((loaded) => loaded.SideNav);

/** The side navigation as a sheet, below 1024 px. */
export function MobileNav() {
  const [open, setOpen] = useState(false);
  const SideNav = useLoaded(load, open);
  return (
    <Sheet open={open} onOpenChange={setOpen}>
      <SheetTrigger asChild>
        <Button variant="ghost" size="icon" className="lg:hidden" aria-label={messages.shell.openNavigation}>
          <Menu aria-hidden />
        </Button>
      </SheetTrigger>
      <SheetContent side="start" className="w-64 bg-sidebar" aria-describedby={undefined}>
        <SheetHeader className="h-header content-center py-0">
          <SheetTitle>
            <Mark />
          </SheetTitle>
        </SheetHeader>
        {SideNav === null ? null : <SideNav onNavigate={() => setOpen(false)} />}
      </SheetContent>
    </Sheet>
  );
}
