import { CircleHelp, Equal, EqualNot } from "lucide-react";
import { Link } from "@/components/common/link";
import { EqualityMark, Hash } from "@/components/common/hash";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { RunComparison } from "@/contracts/run";
import { cn } from "@/lib/cn";
import { formatList, truncateMiddle } from "@/lib/format";
import { words } from "@/lib/messages/run";

type Entry = RunComparison["phases"][number] | RunComparison["artifacts"][number];
const unequal = (entry: Entry) => entry.verdict === "differs" || entry.verdict === "only_a" || entry.verdict === "only_b";

/**
 * "Equal to run X: all N phase hashes match", or what differs, in one line. `a` is the earlier run; `changed` names what
 * went into the two runs and was not the same: then a difference is no fault.
 */
export function VerdictLine({ comparison, changed = [], className }: { comparison: RunComparison; changed?: readonly string[]; className?: string }) {
  const other = (
    <Link href={`/runs/${comparison.a}`} className="font-mono text-xs underline underline-offset-4">
      {truncateMiddle(comparison.a)}
    </Link>
  );
  const compared = comparison.phases.filter((phase) => phase.verdict === "equal").length;
  const equalArtifacts = comparison.artifacts.filter((artifact) => artifact.verdict === "equal").length;
  const look = { equal: { icon: Equal, color: "text-succeeded" }, differs: { icon: EqualNot, color: changed.length > 0 ? "text-warning" : "text-failed" }, unknown: { icon: CircleHelp, color: "text-muted-foreground" } }[comparison.verdict];
  return (
    <p data-slot="verdict" data-verdict={comparison.verdict} className={cn("flex flex-wrap items-center gap-x-1.5 gap-y-0.5 font-medium", look.color, className)}>
      <look.icon className="size-4 shrink-0" aria-hidden />
      {comparison.verdict === "equal" ? (
        <span>{equalArtifacts > 0 ? words.verdict.equalWithArtifacts(other, words.verdict.hashesMatch(compared), words.verdict.artifacts(equalArtifacts)) : words.verdict.equal(other, words.verdict.hashesMatch(compared))}</span>
      ) : comparison.verdict === "differs" ? (
        <span>{changed.length > 0 ? words.verdict.differsAsInputsDo(other, differences(comparison), formatList(changed)) : words.verdict.differs(other, differences(comparison))}</span>
      ) : (
        <span>{words.verdict.notComparableWithRun(other)}</span>
      )}
    </p>
  );
}

function differences(comparison: RunComparison): string {
  const phases = comparison.phases.filter(unequal).map((phase) => phase.name);
  const names = phases.length > 0 ? phases : comparison.artifacts.filter(unequal).map((artifact) => artifact.name);
  const shown = names.slice(0, 3);
  return formatList(names.length > 3 ? [...shown, words.verdict.more(names.length - 3)] : shown);
}

const onlyWords = words.verdict.only;

/** Hash by hash: phases, then artifacts. `onlyDifferences` leaves equal ones out. */
export function VerdictTable({ comparison, onlyDifferences }: { comparison: RunComparison; onlyDifferences: boolean }) {
  const keep = (entry: Entry) => !onlyDifferences || unequal(entry);
  const groups = [
    { name: words.verdict.phases, rows: comparison.phases.filter(keep).map((phase) => ({ key: phase.name, name: phase.name, place: null as string | null, entry: phase as Entry })) },
    { name: words.verdict.artifactsHeading, rows: comparison.artifacts.filter(keep).map((artifact) => ({ key: `${artifact.phase}/${artifact.name}`, name: artifact.name, place: artifact.phase, entry: artifact as Entry })) },
  ].filter((group) => group.rows.length > 0);
  if (groups.length === 0) return <p className="py-6 text-center text-muted-foreground">{words.verdict.noHashDiffers}</p>;
  return (
    <Table label={words.verdict.outputHashesOfBothRuns} dense>
      <TableHeader>
        <TableRow>
          <TableHead>{words.verdict.output}</TableHead>
          <TableHead>{words.verdict.phase}</TableHead>
          <TableHead>{words.verdict.run(truncateMiddle(comparison.a))}</TableHead>
          <TableHead>{words.verdict.runNamed(truncateMiddle(comparison.b))}</TableHead>
          <TableHead>{words.verdict.verdict}</TableHead>
        </TableRow>
      </TableHeader>
      {groups.map((group) => (
        <TableBody key={group.name}>
          <TableRow>
            <TableHead colSpan={5} scope="colgroup" className="bg-muted">
              {group.name}
            </TableHead>
          </TableRow>
          {group.rows.map(({ key, name, place, entry }) => (
            <TableRow key={key}>
              <TableCell className="font-mono text-xs">{name}</TableCell>
              <TableCell className="font-mono text-xs text-muted-foreground">{place ?? "—"}</TableCell>
              <TableCell><Hash value={entry.a_sha256} /></TableCell>
              <TableCell><Hash value={entry.b_sha256} /></TableCell>
              <TableCell>
                {entry.verdict === "equal" || entry.verdict === "differs" ? (
                  <EqualityMark equal={entry.verdict === "equal"} with={words.verdict.runWith(truncateMiddle(comparison.a))} />
                ) : (
                  <span className={cn("text-xs", entry.verdict === "not_compared" ? "text-muted-foreground" : "font-medium text-failed")}>{onlyWords[entry.verdict]}</span>
                )}
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      ))}
    </Table>
  );
}
