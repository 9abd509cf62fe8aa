import { Link } from "@/components/common/link";
import type { AlertPreview } from "@/contracts/alert";
import { words } from "@/lib/messages/alerts";

/** What a rule would have done, and what it finds now. */
export function PreviewWords({ preview: { fired, days, holds, first } }: { preview: AlertPreview }) {
  return (
    <div className="grid gap-1 text-sm">
      <p className="font-medium">{fired === null ? words.preview.unknown : words.preview.fired(fired, days)}</p>
      <p>{words.preview.holds(holds)}</p>
      {first.length === 0 ? null : (
        <ul className="list-disc ps-5">
          {first.map(({ subject, title, path }) => <li key={subject}><Link href={path} className="inline-flex min-h-6 items-center break-words text-link hover:underline">{title}</Link></li>)}
        </ul>
      )}
    </div>
  );
}
