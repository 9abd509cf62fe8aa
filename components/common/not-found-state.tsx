import { Compass } from "lucide-react";
import { buttonVariants } from "@/components/ui/button";
import { messages } from "@/lib/messages";

/** A wrong id and one that this person may not see look alike on purpose. Every page carries it, so it brings no script: its link is the browser's own. */
export function NotFoundState() {
  return (
    <div className="flex flex-col items-center gap-3 px-4 py-10 text-center">
      <Compass className="size-5 text-muted-foreground" aria-hidden />
      <div className="grid max-w-lg gap-1">
        <h1 className="font-medium">{messages.error.notFoundTitle}</h1>
        <p className="text-pretty text-muted-foreground">{messages.error.notFoundDescription}</p>
      </div>
      <a href="/runs" className={buttonVariants()}>{messages.error.toStart}</a>
    </div>
  );
}
