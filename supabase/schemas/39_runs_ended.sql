-- runs_ended: what the end of runs sets in motion, in the transaction that ended them, after their last event. Set-based. It locks
-- no gate and waits for no row that another transaction may hold: what needs that is left to the tick.
create function ops_private.runs_ended(ended uuid[]) returns void language plpgsql security definer set search_path = '' as $$
declare
  found_runs record;
begin
  select array_agg(distinct r.parent_run_id) filter (where r.parent_run_id is not null) as parents, array_agg(r.run_id) filter (where r.status = 'failed') as failed,
    array_agg(distinct r.schedule_id) filter (where r.status = 'failed' and r.schedule_id is not null) as schedules into found_runs
  from ops.runs as r where r.run_id = any (ended);
  if found_runs.parents is not null then
    perform ops_private.wake_parents(found_runs.parents);
  end if;
  if found_runs.failed is not null then
    perform ops_private.tell_failed_runs(found_runs.failed);
  end if;
  perform ops_private.tell_lineage_of(ended);
  -- Nobody appends any more: the lease is gone, so no row of a log is held.
  update ops_private.log_heads as h set compact_after = clock_timestamp() where h.run_id = any (ended);
  insert into ops_private.runs_to_score (run_id) select unnest(ended) on conflict do nothing;
  if found_runs.schedules is not null then
    perform ops_private.pause_failing(found_runs.schedules);
  end if;
end
$$;
