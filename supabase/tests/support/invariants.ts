/** Every guarantee that must hold for every run at every moment: the sentence → SQL that finds what breaks it. */
export const invariants: Record<string, string> = {
  "an active run has a lease": "select run_id from ops.runs as r where status in ('claimed', 'running') and not exists (select from ops.leases as l where l.run_id = r.run_id)",
  "a lease belongs to an active run": "select run_id from ops.leases as l where not exists (select from ops.runs as r where r.run_id = l.run_id and r.status in ('claimed', 'running'))",
  "events are 1..n": "select run_id from ops.run_events group by run_id having count(*) <> max(seq) or min(seq) <> 1",
  "the head knows the last event": "select h.run_id from ops_private.run_heads as h where h.last_seq <> (select count(*) from ops.run_events as e where e.run_id = h.run_id)",
  "a terminal run has one terminal event, last": `select r.run_id from ops.runs as r where r.status in ('succeeded', 'failed', 'canceled')
    and (select array_agg(e.seq) from ops.run_events as e where e.run_id = r.run_id and e.type in ('RUN_SUCCEEDED', 'RUN_FAILED', 'RUN_CANCELED'))
      is distinct from array[(select max(e.seq) from ops.run_events as e where e.run_id = r.run_id)]`,
  "an open run has no terminal event": "select r.run_id from ops.runs as r where r.status in ('queued', 'claimed', 'running') and exists (select from ops.run_events as e where e.run_id = r.run_id and e.type in ('RUN_SUCCEEDED', 'RUN_FAILED', 'RUN_CANCELED'))",
  "no run waits at a gate that has room": `select r.run_id from ops.runs as r join ops_private.gates as g on g.gate_id = r.blocked_gate where r.status = 'queued'
    and g.max_leases > (select count(*) from ops_private.lease_gates as l where l.gate_id = g.gate_id)
      + (select count(*) from ops.runs as q where q.status = 'queued' and q.blocked_gate is null and g.gate_id = any (q.gate_ids))`,
  "whoever is first at a gate does not fit, or its time is to come": `select g.gate_id from ops_private.gates as g cross join lateral (
      select r.gate_ids, r.gate_amounts from ops.runs as r where r.status = 'queued' and r.blocked_gate = g.gate_id order by r.priority, r.run_id limit 1) as head
    where not exists (select from ops_private.full_limit(g.gate_id, head.gate_ids, head.gate_amounts)) and coalesce(g.opens_at > clock_timestamp(), true)`,
  "no cap on runs is exceeded": `select c.cap_id from ops.caps as c where c.unit = 'runs' and c.enabled and c.updated_at = c.created_at and exists (
    select from (select u.period_start, u.settled_amount as amount from ops.cap_usage as u where u.cap_id = c.cap_id
        union all select l.period_start, l.reserved from ops_private.lease_caps as l where l.cap_id = c.cap_id) as x group by x.period_start having sum(x.amount) > c.limit_amount)`,
  "no gate holds more than its limit": "select g.gate_id from ops_private.gates as g where g.max_leases < (select count(*) from ops_private.lease_gates as l where l.gate_id = g.gate_id)",
  "no line of a log is lost or doubled": `select h.run_id from ops_private.log_heads as h
    where h.last_line <> (select coalesce(sum(c.line_count), 0) from ops.run_log_chunks as c where c.run_id = h.run_id) + (select coalesce(sum(f.line_count), 0) from ops_private.log_files as f where f.run_id = h.run_id)`,
  "what fired has its one run, and the run its one fire": `select f.run_id from ops.schedule_fires as f left join ops.runs as r using (run_id) where f.outcome = 'started' and (r.schedule_id, r.scheduled_for) is distinct from (f.schedule_id, f.nominal_time)
    union all select r.run_id from ops.runs as r where r.trigger = 'schedule' and (select count(*) from ops.schedule_fires as f where f.run_id = r.run_id) <> 1`,
  "a partition has its one run, and the run its one partition": `select i.run_id from ops.backfill_items as i left join ops.runs as r using (run_id) where i.outcome = 'started' and (r.backfill_id, r.scheduled_for) is distinct from (i.backfill_id, i.partition_start)
    union all select r.run_id from ops.runs as r where r.trigger = 'backfill' and (select count(*) from ops.backfill_items as i where i.run_id = r.run_id) <> 1`,
  "an artifact's object is stored": "select artifact_id from ops.run_artifacts as a where not exists (select from ops.objects as o where o.environment_id = a.environment_id and o.sha256 = a.sha256 and o.byte_size = a.byte_size)",
};

/** The sentences that do not hold. `query` reads as the owner. */
export async function brokenInvariants(query: (sql: string) => Promise<unknown[]>): Promise<string[]> {
  const broken: string[] = [];
  for (const [sentence, sql] of Object.entries(invariants)) {
    if ((await query(sql)).length > 0) broken.push(sentence);
  }
  return broken;
}
