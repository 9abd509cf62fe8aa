import { Compass } from "lucide-react";
import { Button } from "@/components/ui/button";
import { messages } from "@/lib/messages";
import { EmptyState } from "./empty-state";
import { Link } from "./link";

/** A wrong id and one that this person may not see look alike on purpose. */
export function NotFoundState() {
  return (
    <EmptyState
      icon={Compass}
      heading="h1"
      title={messages.error.notFoundTitle}
      description={messages.error.notFoundDescription}
      action={<Button asChild><Link href="/runs">{messages.error.toStart}</Link></Button>}
    />
  );
}
