import type { Engine } from "../../contracts/pipeline.ts";
import type { PhaseRegistry } from "../core/phase.ts";
import { askFolder } from "./connect-folder.ts";
import { askHttp, askS3 } from "./connect-http.ts";
import { askPostgres } from "./connect-postgres.ts";
import { connectPhase } from "./connect.ts";
import { ingest } from "./ingest.ts";
import { maintain } from "./maintain.ts";
import { publish } from "./publish.ts";
import { queryDuckdb } from "./query-duckdb.ts";
import { queryPostgres } from "./query-postgres.ts";
import { queryPhase, type QueryEngine } from "./query.ts";
import { reseal } from "./reseal.ts";
import { transform } from "./transform.ts";
import { validate } from "./validate.ts";

/** To add an engine: its word in contracts/pipeline.ts, then its file; nothing compiles before it is here. */
const queryEngines: Record<Engine, QueryEngine> = { duckdb: queryDuckdb, postgres: queryPostgres };

/** What executes each phase type of contracts/pipeline.ts. */
export const registry: PhaseRegistry = { connect: connectPhase({ postgres: askPostgres, odoo: askPostgres, http: askHttp, s3: askS3, file: askFolder }), ingest, maintain, publish, query: queryPhase(queryEngines), reseal, transform, validate };
