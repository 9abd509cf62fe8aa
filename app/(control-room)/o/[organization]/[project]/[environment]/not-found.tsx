import { Compass } from "lucide-react";
import { Link } from "@/components/common/link";
import { EmptyState } from "@/components/common/empty-state";
import { Button } from "@/components/ui/button";
import { messages } from "@/lib/messages";

/** A wrong id and one that this person may not see look alike on purpose. */
export default function NotFound() {
  return (
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
  );
}
