import { z } from "zod";
import { timestamp, uuid } from "./common.ts";
import { runStatus } from "./run.ts";

/** How many runs there are of each status; a status without runs is left out. */
const statusCounts = z.partialRecord(runStatus, z.int());
export type StatusCounts = z.infer<typeof statusCounts>;

/** Seconds of the newest 1,000 runs that succeeded; null where none tells it. */
const runTimes = z.object({ runs: z.int(), p50: z.number().nullable(), p95: z.number().nullable(), wait_p50: z.number().nullable() });
export type RunTimes = z.infer<typeof runTimes>;

/** The newest failure of a pipeline that has not succeeded since. */
const failing = z.object({ run_id: uuid, spec_slug: z.string(), template_key: z.string().nullable(), error_code: z.string().nullable(), error_message: z.string().nullable(), finished_at: timestamp, failures: z.int() });
export type Failing = z.infer<typeof failing>;

/** What the runs of an environment did in a range of time, and in as long a time before it. */
export const overview = z.object({
  steps: z.array(z.object({ starts_at: timestamp, runs: statusCounts })),
  before: statusCounts,
  times: runTimes,
  times_before: runTimes,
  failing: z.array(failing),
});
export type Overview = z.infer<typeof overview>;
