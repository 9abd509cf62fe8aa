"use client";

import { GeistMono } from "geist/font/mono";
import { GeistSans } from "geist/font/sans";
import { useEffect } from "react";
import { FailedPage, type FailedPageProps } from "@/components/common/failed-page";
import { language } from "@/lib/messages/language";
import "./globals.css";

/** The last boundary: the root layout itself failed, so this draws its own document, without any provider. */
export default function GlobalError({ error, retry }: FailedPageProps) {
  useEffect(() => {
    const chosen = localStorage.getItem("theme") ?? "system";
    const dark = chosen === "dark" || (chosen === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.classList.toggle("dark", dark);
  }, []);

  return (
    <html lang={language} className={`${GeistSans.variable} ${GeistMono.variable}`}>
      <body>
        <main className="grid min-h-dvh place-items-center">
          <FailedPage error={error} retry={retry} />
        </main>
      </body>
    </html>
  );
}
