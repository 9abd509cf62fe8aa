"use client";

import { CircleCheck, CircleX, Info, Loader, TriangleAlert } from "lucide-react";
import { useTheme } from "next-themes";
import { type CSSProperties, useEffect } from "react";
import { toast as sonner, Toaster as Sonner } from "sonner";
import { takeToasts } from "./toast";

export function ToastCorner() {
  const { resolvedTheme } = useTheme();
  // Children mount first: Sonner listens by now.
  useEffect(() => takeToasts(({ kind, message, options }) => sonner[kind](message, options)), []);
  return (
    <Sonner
      theme={resolvedTheme === "dark" ? "dark" : "light"}
      position="bottom-right"
      closeButton
      toastOptions={{
        classNames: { closeButton: "!start-auto !end-1.5 !top-1.5 !size-6 !translate-none !border-0 !bg-transparent !text-muted-foreground" },
      }}
      icons={{
        success: <CircleCheck className="size-4 text-succeeded" aria-hidden />,
        error: <CircleX className="size-4 text-failed" aria-hidden />,
        warning: <TriangleAlert className="size-4 text-warning" aria-hidden />,
        info: <Info className="size-4 text-running" aria-hidden />,
        loading: <Loader className="size-4 animate-spin text-muted-foreground motion-reduce:animate-none" aria-hidden />,
      }}
      style={
        {
          "--normal-bg": "var(--popover)",
          "--normal-text": "var(--popover-foreground)",
          "--normal-border": "var(--border)",
          "--border-radius": "6px",
          "--width": "360px",
          fontFamily: "var(--font-sans)",
        } as CSSProperties
      }
    />
  );
}
