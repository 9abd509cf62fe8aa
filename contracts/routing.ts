import { z } from "zod";
import { slug, text, word } from "./common.ts";

export const layers = ["bronze", "silver", "gold", "none"] as const;
export const severities = ["info", "warning", "critical"] as const;
export const channelKinds = ["webhook", "pull_request", "issue"] as const;
/** What rules call every environment that none of them names. */
export const otherEnvironment = "other";
/** Environments that the rules of one matrix may tell apart: with the limits below they bound the work of its lint. */
export const maximumEnvironments = 20;

const sentence = text.trim().normalize("NFC").min(3).max(300);
export const ownerAlias = z.string().regex(/^[a-z][a-z0-9-]{0,38}$/, "an alias of config/owners.yml, without @");
const signalName = z.string().regex(/^[a-z]+\.[a-z_]+$/, "noun.verb").max(63);
/** What CODEOWNERS reads the same way everywhere: everything, a folder, or one file. */
const ownedPath = z.string().regex(/^(\*|\/[A-Za-z0-9._()[\]/-]+)$/, "`*`, or a file or folder that begins with /").max(300);
const atMost = (count: number, what: string) => [(value: object) => Object.keys(value).length <= count, { error: `has at most ${count} ${what}` }] as const;

const channel = z.strictObject({ kind: z.enum(channelKinds), title: sentence });
const area = z.strictObject({
  title: sentence,
  primary: ownerAlias,
  secondary: ownerAlias.describe("the fallback: who acts where the primary does not"),
  surface: sentence.describe("where its work is executed and seen"),
  paths: z.array(ownedPath).min(1).max(200),
});
const signal = z.strictObject({ title: sentence, severity: z.enum(severities), source: sentence.describe("what emits it") });
const rule = z.strictObject({
  name: word,
  when: z.strictObject({
    signal: z.array(signalName).min(1).max(100).optional(),
    layer: z.array(z.enum(layers)).min(1).max(layers.length).optional(),
    environment: z.array(slug).min(1).max(maximumEnvironments).optional().describe("slugs; those that no rule names count as `other`"),
  }).describe("all that is named must hold; what is left out holds always"),
  area: word,
  channel: word,
});

/** Who answers for what: areas (table B) with their paths, and rules that bring each signal to an area. The first rule that holds decides. */
export const routing = z.strictObject({
  channels: z.record(word, channel).refine(...atMost(50, "channels")),
  areas: z.record(word, area).refine(...atMost(100, "areas")),
  signals: z.record(signalName, signal).refine(...atMost(100, "signals")),
  rules: z.array(rule).min(1).max(100),
});
export type Routing = z.infer<typeof routing>;

/** The same as a document of its own: `config/routing_matrix.yml`. */
export const routingMatrix = z.strictObject({ version: z.literal(1), ...routing.shape });
export type RoutingMatrix = z.infer<typeof routingMatrix>;

/** What the rules say of one signal; sent with it. */
export const route = z.object({ rule: word, area: word, channel: word, severity: z.enum(severities), primary: ownerAlias, secondary: ownerAlias });
