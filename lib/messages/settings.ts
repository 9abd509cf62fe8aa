import type { ReactNode } from "react";
import { catalogue, plural, rich } from "./catalogue";

export const words = catalogue({
  renameForm: {
    theIsCalled: (what: string, text: string) => `The ${what} is called ${text}.`,
    nameOfThe: (what: string) => `Name of the ${what}`,
    rename: "Rename",
  },
  showChecklist: {
    showTheFirstSteps: "Show the first steps on my overview again",
  },
  page: {
    of: (organizationName: string, projectName: string, environment: string) => `of ${organizationName} / ${projectName} / ${environment}`,
    environment: "Environment",
    environmentWhat: "environment",
    project: "Project",
    projectWhat: "project",
    itsQueueGets: (shares: number) => plural(shares, { one: "Its queue gets one share where projects wait for the same executors.", other: `Its queue gets ${shares} shares where projects wait for the same executors.` }),
    organization: "Organization",
    organizationWhat: "organization",
    limitsAndRetention: "Limits and retention",
    capsThatSayHowMuch: (count: ReactNode) => rich`Caps that say how much may be used in an hour, a day, a week or a month: ${count}.`,
    inForce: (count: string) => `${count} in force`,
    runsEventsAndArtifacts: "Runs, events and artifacts are kept until their environment is deleted; the audit log is kept beyond that.",
    versionsOfATable: (code: ReactNode) => rich`Versions of a table are kept as long as its pipeline's ${code} phase says.`,
    setElsewhere: "Set elsewhere",
    idOfThe: (title: string) => `id of the ${title}`,
  },
});
