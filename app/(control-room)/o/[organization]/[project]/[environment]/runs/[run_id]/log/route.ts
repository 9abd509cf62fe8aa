import type { NextRequest } from "next/server";
import { openEnvironment, type EnvironmentParams } from "@/app/(control-room)/session.ts";
import { uuid } from "@/contracts/common.ts";
import { ControlRoomError } from "@/contracts/error.ts";
import { problemResponse } from "@/lib/api/problem.ts";
import { words } from "@/lib/messages/runs";
import { downloadLogs, logDownloadQuery } from "@/lib/ops/log-download.ts";

export const maxDuration = 300;

/** The log as a file for the browser: `format` log or ndjson, and the filters of the page. */
export async function GET(request: NextRequest, { params }: { params: Promise<EnvironmentParams & { run_id: string }> }): Promise<Response> {
  const { db } = await openEnvironment(params);
  const runId = uuid.safeParse((await params).run_id);
  const query = logDownloadQuery.safeParse(Object.fromEntries(request.nextUrl.searchParams));
  try {
    if (!runId.success) throw new ControlRoomError("not_found", words.route.thereIsNoSuchRun);
    if (!query.success) throw new ControlRoomError("invalid_input", words.route.theFiltersOfThisAddress);
    return await downloadLogs(db, runId.data.toLowerCase(), query.data);
  } catch (error) {
    if (error instanceof ControlRoomError) return problemResponse(error, crypto.randomUUID());
    throw error;
  }
}
