"use client";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { ThemeProvider } from "next-themes";
import { NuqsAdapter } from "nuqs/adapters/next/app";
import { type ReactNode, useState } from "react";
import { Toaster } from "@/components/ui/toaster";

function newQueryClient() {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The server has just rendered what the page shows: fetching it again at once would be a second page load.
        staleTime: 10_000,
        retry: 1,
      },
    },
  });
}

/** Dialogs and menus keep the page from scrolling by a style element, and look for the nonce under this name. */
function exposeNonce(nonce: string | undefined) {
  if (typeof window !== "undefined") (window as { __webpack_nonce__?: string }).__webpack_nonce__ = nonce;
}

/** `nonce`: of the page's policy, without which no script or style element that is made later would count. */
export function Providers({ nonce, children }: { nonce: string | undefined; children: ReactNode }) {
  // Before anything below renders.
  useState(() => exposeNonce(nonce));
  const [queryClient] = useState(newQueryClient);
  return (
    <ThemeProvider nonce={nonce} attribute="class" defaultTheme="system" enableSystem disableTransitionOnChange>
      <QueryClientProvider client={queryClient}>
        <NuqsAdapter>{children}</NuqsAdapter>
      </QueryClientProvider>
      <Toaster />
    </ThemeProvider>
  );
}
