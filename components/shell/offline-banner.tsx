"use client";

import { WifiOff } from "lucide-react";
import { useSyncExternalStore } from "react";
import { messages } from "@/lib/messages";

function subscribe(reader: () => void) {
  addEventListener("online", reader);
  addEventListener("offline", reader);
  return () => {
    removeEventListener("online", reader);
    removeEventListener("offline", reader);
  };
}

export function OfflineBanner() {
  const online = useSyncExternalStore(subscribe, () => navigator.onLine, () => true);
  return (
    <div role="status" data-print="hide">
      {online ? null : (
        <p className="flex items-center gap-2 border-b bg-warning-soft px-4 py-2 text-warning">
          <WifiOff className="size-4 shrink-0" aria-hidden />
          {messages.shell.offline}
        </p>
      )}
    </div>
  );
}
