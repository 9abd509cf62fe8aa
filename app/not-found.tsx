import { Compass } from "lucide-react";
import type { Metadata } from "next";
import Link from "next/link";
import { EmptyState } from "@/components/common/empty-state";
import { Button } from "@/components/ui/button";
import { messages } from "@/lib/messages";

export const metadata: Metadata = { title: messages.error.notFoundTitle };

export default function NotFound() {
  return (
    <main className="grid min-h-dvh place-items-center">
      <EmptyState
        icon={Compass}
        heading="h1"
        title={messages.error.notFoundTitle}
        description={messages.error.notFoundDescription}
        action={
          <Button asChild>
            <Link href="/runs">{messages.error.toStart}</Link>
          </Button>
        }
      />
    </main>
  );
}
