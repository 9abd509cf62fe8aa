import { catalogue } from "./catalogue";

export const words = catalogue({
  trigger: { manual: "Manual", api: "API", schedule: "Schedule", backfill: "Backfill", retry: "Run again", verify: "Verification", parent: "Parent run" },
  range: { "1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days" },
  rule: { finished: "It is over", lease_held: "It is held", lease_expired: "Its lease ran out", cancel_requested: "To be canceled", stopping: "Being stopped", children: "Its child runs", expired: "It has expired", expires_at: "It expires", run_after: "Not before a time", backoff: "Waits to be retried", gate: "A limit at once", rate: "A limit on starts", cap: "A cap", executors: "No executor", fair_share: "Fair share", queue_position: "Its place", ready: "Ready" },
});
