// npm run test:outside: what needs more than Node. Python and PyPI (an independent reader of our tables), Go (an S3 server), the recorded Odoo
// database beside the checkout. Fails where one of them is missing.
import { existsSync } from "node:fs";
import path from "node:path";
import { ensureBuilt, ROOT } from "./build.mjs";
import { ensureInstalled } from "./install-packages.mjs";
import { endWith, StepError } from "./run-step.mjs";
import { runShown } from "./test-steps.mjs";

try {
  if (!existsSync(path.join(ROOT, "../shared/data/odoo17"))) {
    throw new StepError("data_missing", "../shared/data/odoo17 is not beside the checkout.", "Lay the recorded data there; `npm test` needs none of it.");
  }
  // Tests of vitest that need more than Node ask for this.
  process.env.CONTROL_ROOM_TEST_OUTSIDE = "1";
  await ensureInstalled(ROOT);
  await ensureBuilt(["bundles", "web"]);
  await runShown("Delta tables read back by delta-rs", "tsx", ["executors/lake/readback.outside.ts"]);
  await runShown("Storage on a real S3 server", "tsx", ["executors/storage/s3.outside.ts"]);
  await runShown("Uploads of a product whose store is a bucket", "vitest", ["run", "--project", "database", "supabase/tests/http-uploads.test.ts"]);
  await runShown("Phases on a lake in a bucket", "tsx", ["executors/phases/s3-lake.outside.ts"]);
  await runShown("Files of a bucket land as tables", "tsx", ["executors/phases/ingest-files.outside.ts"]);
  await runShown("Eight processes race 200 commits, in a folder and on S3", "tsx", ["executors/lake/race.outside.ts"]);
  await runShown("The advisors of Supabase find nothing", "tsx", ["supabase/tests/advisors.outside.ts"]);
  await runShown("OpenLineage by its own schemas, examples and recorded emitters", "tsx", ["supabase/tests/lineage.outside.ts"]);
  await runShown("squawk finds nothing in the migrations", "tsx", ["supabase/tests/squawk.outside.ts"]);
  await runShown("actionlint and zizmor find nothing in the workflows", "tsx", ["scripts/workflows.outside.ts"]);
  await runShown("Schemathesis finds no answer that the contract does not name", "tsx", ["scripts/fuzz-contract.outside.ts"]);
  await runShown("A recorded day of a real Odoo, landed by what changed and by the log", "tsx", ["pipelines/odoo-day.outside.ts"]);
  await runShown("A contract with a real Odoo, checked before and after its cutover is prepared", "tsx", ["pipelines/odoo-contract.outside.ts"]);
  await runShown("The reference pipelines on a real Odoo database", "tsx", ["pipelines/real-odoo.outside.ts"]);
} catch (error) {
  endWith(error);
}
