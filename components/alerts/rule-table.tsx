import { CirclePause, CirclePlay, TriangleAlert } from "lucide-react";
import { DeleteButton } from "@/components/common/delete-button";
import { Time } from "@/components/common/time";
import { Badge } from "@/components/ui/badge";
import { Table, TableBody, TableCell, TableHead, TableHeader, TableRow } from "@/components/ui/table";
import type { AlertRule } from "@/contracts/alert";
import { words } from "@/lib/messages/alerts";
import type { Outcome } from "@/lib/ops/attempt";
import { severityLooks } from "./looks";
import { RuleForm, type RuleFormActions } from "./rule-form";
import { ruleSentence } from "./rule-sentence";

const { ruleList } = words;
type RuleTableProps = {
  rules: AlertRule[];
  pipelines: readonly string[];
  refused: string | null;
  actions: {
    change: (alertRuleId: string, change: Record<string, unknown>) => Promise<Outcome<AlertRule>>;
    remove: (alertRuleId: string) => Promise<Outcome<boolean>>;
    preview: RuleFormActions["preview"];
  };
};

/** Rules by name, each in a sentence. */
export function RuleTable({ rules, pipelines, refused, actions }: RuleTableProps) {
  return (
    <Table label={ruleList.label} cards>
      <TableHeader>
        <TableRow>
          <TableHead className="w-full">{ruleList.rule}</TableHead>
          <TableHead>{ruleList.severity}</TableHead>
          <TableHead>{ruleList.state}</TableHead>
          <TableHead>{ruleList.judged}</TableHead>
          <TableHead><span className="sr-only">{ruleList.change}</span></TableHead>
        </TableRow>
      </TableHeader>
      <TableBody>
        {rules.map((rule) => (
          <TableRow key={rule.alert_rule_id}>
            <TableCell className="whitespace-normal">
              <span className="font-medium break-words">{rule.name}</span>
              <span className="block text-xs break-words text-muted-foreground">{ruleSentence(rule)}</span>
              {rule.problem === null ? null : <span className="block text-xs break-words text-failed">{rule.problem}</span>}
            </TableCell>
            <TableCell><Badge variant={severityLooks[rule.severity]}>{words.severity[rule.severity]}</Badge></TableCell>
            <TableCell><RuleState rule={rule} /></TableCell>
            <TableCell><Time at={rule.judged_at} /></TableCell>
            <TableCell>
              <span className="flex items-center justify-end gap-1">
                <RuleForm rule={rule} pipelines={pipelines} refused={refused} actions={{ save: actions.change.bind(null, rule.alert_rule_id), preview: actions.preview }} />
                <DeleteButton what={ruleList.deleteWhat(rule.name)} description={ruleList.deleteDescription} blocked={refused} remove={actions.remove.bind(null, rule.alert_rule_id)} />
              </span>
            </TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
}

function RuleState({ rule }: { rule: AlertRule }) {
  if (rule.problem !== null) return <Badge variant="failed"><TriangleAlert aria-hidden />{ruleList.broken}</Badge>;
  return rule.enabled ? <Badge variant="succeeded"><CirclePlay aria-hidden />{ruleList.on}</Badge> : <Badge variant="warning"><CirclePause aria-hidden />{ruleList.off}</Badge>;
}
