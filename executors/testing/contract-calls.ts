import type { ErrorCode } from "../../contracts/error.ts";
import type { OperationName } from "../../contracts/http.ts";
import type { Live, Tenant, TestExecutor } from "./live.ts";

export interface Call {
  params?: Record<string, string>;
  query?: Record<string, string | number>;
  headers?: Record<string, string>;
  body?: unknown;
  bytes?: string;
  /** Default: the project's admin token, the executor's for what only an executor may do. */
  token?: string | null;
}

/** What the parts of the contract's test share: calls that are checked against the contract, and who calls. */
export interface ContractCalls {
  live: Live;
  tenant: Tenant;
  executor: TestExecutor;
  /** Calls as the contract says; the answer must be one that it names, of the shape that it gives. */
  well(name: OperationName, call: Call, status: number): Promise<unknown>;
  /** Calls against the contract; the answer must be a problem with a code that the operation documents. */
  badly(name: OperationName, code: ErrorCode, call: Call): Promise<void>;
}
export const nobody = "00000000-0000-4000-8000-000000000000";
