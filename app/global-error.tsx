"use client";

import { GeistMono } from "geist/font/mono";
import { GeistSans } from "geist/font/sans";
import { useEffect } from "react";
import { describeError } from "@/components/common/describe-error";
import { ErrorState } from "@/components/common/error-state";
import { messages } from "@/lib/messages";
import { language } from "@/lib/messages/language";
import "./globals.css";

type GlobalErrorProps = { error: unknown; retry: () => void };

/** The last boundary: the root layout itself failed, so this draws its own document, without any provider. */
export default function GlobalError({ error, retry }: GlobalErrorProps) {
  useEffect(() => {
    const chosen = localStorage.getItem("theme") ?? "system";
    const dark = chosen === "dark" || (chosen === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.classList.toggle("dark", dark);
  }, []);

  return (
    <html lang={language} className={`${GeistSans.variable} ${GeistMono.variable}`}>
      <body>
        <title>{messages.error.pageTitle}</title>
        <main className="grid min-h-dvh place-items-center">
          <ErrorState
            title={messages.error.pageTitle}
            heading="h1"
            message={messages.error.pageDescription}
            {...describeError(error)}
            onRetry={retry}
          />
        </main>
      </body>
    </html>
  );
}
