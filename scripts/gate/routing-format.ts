import { z } from "zod";

export const routingFile = "config/routing_matrix.yml";
export const ownersFile = "config/owners.yml";
export const codeownersFile = ".github/CODEOWNERS";

const word = z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, "lower-case letters, digits and underscores");
const alias = z.string().regex(/^[a-z][a-z0-9-]{0,38}$/, "an alias of config/owners.yml, without @");
const sentence = z.string().trim().min(3).max(300);
/** What CODEOWNERS reads the same way everywhere: everything, a folder, or one file. */
const ownedPath = z.string().regex(/^(\*|\/[A-Za-z0-9._()[\]/-]+)$/, "`*`, or a file or folder that begins with /");

export const layers = ["bronze", "silver", "gold", "none"] as const;
export const severities = ["info", "warning", "critical"] as const;

const area = z.strictObject({
  title: sentence,
  primary: alias,
  secondary: alias.describe("the fallback: who acts where the primary does not"),
  surface: sentence.describe("where its work is executed and seen"),
  paths: z.array(ownedPath).min(1),
});
const signal = z.strictObject({ title: sentence, severity: z.enum(severities), source: sentence.describe("what emits it") });
const channel = z.strictObject({ kind: z.enum(["webhook", "pull_request", "issue"]), title: sentence });
const rule = z.strictObject({
  name: word,
  when: z.strictObject({
    signal: z.array(z.string()).min(1).optional(),
    layer: z.array(z.enum(layers)).min(1).optional(),
    environment: z.array(z.string()).min(1).optional().describe("slugs; those that no rule names count as `other`"),
  }).describe("all that is named must hold; what is left out holds always"),
  area: word,
  channel: word,
});

/** Who answers for what: areas (table B) with their paths, and rules that bring each signal to an area. The first rule that holds decides. */
export const routingMatrix = z.strictObject({
  version: z.literal(1),
  channels: z.record(word, channel),
  areas: z.record(word, area),
  signals: z.record(z.string().regex(/^[a-z]+\.[a-z_]+$/, "noun.verb"), signal),
  rules: z.array(rule).min(1),
});
export type RoutingMatrix = z.infer<typeof routingMatrix>;

const account = z.string().regex(/^@[A-Za-z0-9][A-Za-z0-9-]{0,38}(\/[A-Za-z0-9._-]{1,100})?$/, "@user or @organization/team");
/** Aliases of table B → the users or teams behind them. An alias without any is a promise that a release does not take. */
export const owners = z.strictObject({
  version: z.literal(1),
  owners: z.record(alias, z.strictObject({ title: sentence, accounts: z.array(account) })),
});
export type Owners = z.infer<typeof owners>;
