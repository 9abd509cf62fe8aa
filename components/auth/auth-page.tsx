import type { ReactNode } from "react";
import { Mark } from "@/components/shell/mark";

/** The narrow page of a person who is not inside yet. */
export function AuthPage({ title, description, children, footer }: { title: string; description?: ReactNode; children: ReactNode; footer?: ReactNode }) {
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-8">
      <div className="grid w-full max-w-80 gap-6">
        <div className="grid gap-4">
          <Mark className="text-lg" />
          <div className="grid gap-1">
            <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
            {description ? <p className="text-pretty text-muted-foreground">{description}</p> : null}
          </div>
        </div>
        {children}
        {footer ? <div className="flex flex-wrap gap-x-4 gap-y-1 text-sm">{footer}</div> : null}
      </div>
    </main>
  );
}

export const authLinkClasses = "inline-flex min-h-6 items-center text-link underline-offset-4 hover:underline";
