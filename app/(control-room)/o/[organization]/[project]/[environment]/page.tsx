import { redirect } from "next/navigation";
import { environmentPath } from "@/components/common/environment-path.ts";
import type { EnvironmentParams } from "@/app/(control-room)/session.ts";

export default async function EnvironmentStart({ params }: { params: Promise<EnvironmentParams> }) {
  redirect(`${environmentPath(await params)}/overview`);
}
