import { PageHeader } from "@/components/shell/page-header";
import { TableSkeleton } from "@/components/ui/skeleton";
import { messages } from "@/lib/messages";

export default function Loading() {
  return (
    <>
      <PageHeader title={messages.page.secrets} />
      <TableSkeleton rows={4} columns={[60, 20, 60, 40, 60]} />
    </>
  );
}
