import { z } from "zod";
import { ownerAlias } from "../../contracts/routing.ts";

export const routingFile = "config/routing_matrix.yml";
export const ownersFile = "config/owners.yml";
export const codeownersFile = ".github/CODEOWNERS";

const account = z.string().regex(/^@[A-Za-z0-9][A-Za-z0-9-]{0,38}(\/[A-Za-z0-9._-]{1,100})?$/, "@user or @organization/team");
/** Aliases of table B → the users or teams behind them. An alias without any is a promise that a release does not take. */
export const owners = z.strictObject({
  version: z.literal(1),
  owners: z.record(ownerAlias, z.strictObject({ title: z.string().trim().min(3).max(300), accounts: z.array(account) })),
});
export type Owners = z.infer<typeof owners>;
