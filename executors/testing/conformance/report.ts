/** One thing that a control plane or an executor must do. */
export interface Rule {
  /** Stable, for reports and for those who look for one check. */
  id: string;
  /** The sentence that must hold. */
  must: string;
  /** What goes wrong in production where it does not. */
  because: string;
}
export type Verdict = "passed" | "failed" | "skipped";
export interface Finding extends Rule {
  verdict: Verdict;
  /** How it was seen: what was observed, or what was missing. */
  seen: string;
}
export interface Report {
  subject: string;
  conforms: boolean;
  passed: number;
  failed: number;
  skipped: number;
  seconds: number;
  findings: Finding[];
}

/** A report conforms when something passed and nothing failed: a subject that could not be tried has not passed. */
export function reportOf(subject: string, findings: Finding[], seconds: number): Report {
  const count = (verdict: Verdict): number => findings.filter((finding) => finding.verdict === verdict).length;
  const failed = count("failed");
  return { subject, conforms: failed === 0 && count("passed") > 0, passed: count("passed"), failed, skipped: count("skipped"), seconds: Math.round(seconds * 10) / 10, findings };
}

export function reportText(report: Report): string {
  const marks: Record<Verdict, string> = { passed: "ok  ", failed: "FAIL", skipped: "skip" };
  const lines = report.findings.map(({ id, verdict, must, because, seen }) => {
    const head = `${marks[verdict]} ${id}: ${must}`;
    return verdict === "passed" ? head : `${head}\n       ${verdict === "failed" ? `why it matters: ${because}\n       ` : ""}seen: ${seen}`;
  });
  const verdict = report.conforms ? "conforms" : "does NOT conform";
  return [...lines, "", `${report.subject} ${verdict}: ${report.passed} passed, ${report.failed} failed, ${report.skipped} skipped in ${report.seconds} s`].join("\n");
}
