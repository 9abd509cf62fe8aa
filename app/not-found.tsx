import type { Metadata } from "next";
import { NotFoundState } from "@/components/common/not-found-state";
import { messages } from "@/lib/messages";

export const metadata: Metadata = { title: messages.error.notFoundTitle };

export default function NotFound() {
  return (
    <main className="grid min-h-dvh place-items-center">
      <NotFoundState />
    </main>
  );
}
