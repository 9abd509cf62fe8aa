import type { Layer } from "@/contracts/dataset.ts";
import type { PhaseStatus, RunStatus } from "@/contracts/run.ts";

// Every string of the shared parts of the interface in one typed catalogue: a sentence with a gap is a function, never
// joined from pieces, so that another language can order its words.

type StatusWords = { word: string; description: string };

const runStatus: Record<RunStatus, StatusWords> = {
  queued: { word: "Queued", description: "Waiting for an executor to claim it." },
  claimed: { word: "Claimed", description: "An executor holds the lease and is about to start." },
  running: { word: "Running", description: "An executor is working on its phases." },
  succeeded: { word: "Succeeded", description: "Every phase finished and the outputs are published." },
  failed: { word: "Failed", description: "It ended with an error and will not be tried again." },
  canceled: { word: "Canceled", description: "It was stopped before it finished and will not come back." },
};

const phaseStatus: Record<PhaseStatus, StatusWords> = {
  pending: { word: "Pending", description: "Waiting for the phases it depends on." },
  running: { word: "Running", description: "An executor is working on this phase." },
  succeeded: { word: "Succeeded", description: "The phase finished and its outputs are recorded." },
  failed: { word: "Failed", description: "The phase ended with an error." },
  skipped: { word: "Skipped", description: "Its condition was not met, so it did not run." },
  reused: { word: "Reused", description: "The result of the earlier run was taken over; nothing ran again." },
};

const layer: Record<Layer, StatusWords> = {
  bronze: { word: "Bronze", description: "Raw rows as they came from the source." },
  silver: { word: "Silver", description: "Cleaned, typed and joined rows." },
  gold: { word: "Gold", description: "Tables ready for reports." },
};

export const messages = {
  product: "Control Room",
  productDescription: "Runs, tables and proof of the lakehouse, in one place.",
  runStatus,
  phaseStatus,
  derivedStatus: {
    stale_lease: { word: "Stale lease", description: "The executor has not renewed its lease in time." },
    retrying: { word: "Retrying", description: "An attempt failed; the next one waits for its backoff." },
    blocked_by_cap: { word: "Blocked by cap", description: "A limit on runs, time, rows or cost holds it back." },
  } satisfies Record<string, StatusWords>,
  layer,
  action: {
    close: "Close",
    retry: "Try again",
    clearFilters: "Clear filters",
    copy: "Copy",
    copied: "Copied",
    copyFailed: "The browser refused to copy. Select the text and copy it yourself.",
    copyNamed: (what: string) => `Copy ${what}`,
    back: "Back",
    stop: "Stop",
  },
  form: { required: "required" },
  time: {
    never: "never",
    local: "Local",
    utc: "UTC",
    unix: "Unix",
    unknown: "—",
    details: (text: string) => `${text}. Show in other zones`,
    card: "The same moment in other zones",
  },
  hash: {
    equal: "equal",
    differs: "differs",
    equalTo: (other: string) => `Equal to ${other}`,
    differsFrom: (other: string) => `Differs from ${other}`,
  },
  bytes: { exact: (count: string) => `${count} bytes` },
  live: {
    live: "Live",
    paused: "Paused",
    lost: "Connection lost, reconnecting",
    reconnecting: (seconds: number) => `Reconnecting · ${seconds} s`,
    pause: "Pause live updates",
    resume: "Resume live updates",
  },
  empty: {
    filteredTitle: "Nothing matches these filters",
    filteredDescription: "There are entries, but none that fits every filter.",
    deniedTitle: "You have no access to this",
    deniedDescription: "Your role does not include it. Ask an admin of the organization.",
  },
  error: {
    title: "This could not be loaded",
    unexpected: "Something failed on our side. Nothing was changed.",
    code: "Code",
    requestId: "Request",
    pageTitle: "The page failed",
    pageDescription: "Your work is safe: nothing was changed by showing this page.",
    notFoundTitle: "There is nothing here",
    notFoundDescription: "The address is wrong, the entry was deleted, or you have no access to it.",
    toStart: "Go to the overview",
  },
  shell: {
    skip: "Skip to content",
    breadcrumb: "Breadcrumb",
    navigation: "Main navigation",
    openNavigation: "Open navigation",
    environment: "Environment",
    noEnvironment: "No environment",
    allOrganizations: "Organizations and projects",
    account: (email: string) => `Account of ${email}`,
    signOut: "Sign out",
    theme: "Theme",
    light: "Light",
    dark: "Dark",
    system: "As the system",
    times: "Times",
    localTimes: "In my time zone",
    utcTimes: "In UTC",
    singleKeys: "Single-key shortcuts",
    shortcuts: "Keyboard shortcuts",
    search: "Search or jump to…",
    offline: "You are offline. What you see may be old; it refreshes by itself when the network is back.",
  },
  palette: {
    title: "Command palette",
    description: "Go to a page, do something, or paste the id of a run.",
    placeholder: "Type a command, or paste a run id",
    empty: "No command fits. Paste a whole run id to open the run.",
    goTo: "Go to",
    actions: "On this page",
    recent: "Recent",
    run: "Run",
    openRun: (id: string) => `Open run ${id}`,
    theme: "Theme",
    themeTo: (theme: string) => `Theme: ${theme}`,
  },
  shortcuts: {
    title: "Keyboard shortcuts",
    description: "Not active while you type in a field.",
    off: "Single-key shortcuts are turned off. Turn them on in the account menu.",
    everywhere: "Everywhere",
    palette: "Command palette",
    sheet: "Show this list",
    goTo: (page: string) => `Go to ${page}`,
  },
  page: { overview: "Overview", failures: "Failures", runs: "Runs", pipelines: "Pipelines", schedules: "Schedules", backfills: "Backfills", executors: "Executors", datasets: "Datasets", caps: "Caps", connections: "Connections", secrets: "Secrets", members: "Members", tokens: "Tokens", webhook: "Webhook", audit: "Audit", health: "Health", danger: "Danger zone", account: "Account", start: "Start" },
} as const;
