import { PageHeader } from "@/components/shell/page-header";
import { TableSkeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.pipelines} />
      <TableSkeleton rows={4} columns={[80, 40, 60, 50, 40]} />
    </>
  );
}
