import { PageHeader } from "@/components/shell/page-header";
import { Skeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.overview} actions={<Skeleton className="h-8 w-72" />} />
      <Skeleton className="h-21 w-full" />
      <Skeleton className="h-18 w-full" />
      <div className="grid gap-6 lg:grid-cols-[minmax(0,2fr)_minmax(16rem,1fr)]"><Skeleton className="h-52" /><Skeleton className="h-52" /></div>
    </>
  );
}
