-- advance_backfill: the scheduler. Takes the active backfill that waited longest (skipping what others hold) and makes runs for its next
-- partitions, as many as it may have open at once; at most 50 a call. A partition is looked at again first: what came into being since is
-- skipped. Item and run are written in one transaction under the backfill's lock, so a crash or a repeat neither doubles nor loses
-- one, and open runs never exceed max_active. Completes the backfill when nothing is pending or open. What cannot be queued
-- pauses it. Answers backfill_id null when there is nothing to do.
create function ops_private.advance_backfill() returns jsonb language plpgsql security definer set search_path = '' set plan_cache_mode = 'force_custom_plan' as $$
declare
  moment timestamptz := clock_timestamp();
  backfill ops.backfills;
  spec jsonb;
  item ops.backfill_items;
  items ops.backfill_items[];
  room int;
  reason text;
  started int := 0;
  skipped int := 0;
  open_runs int;
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler advances backfills.', 'Send CRON_SECRET as Bearer token.');
  end if;
  select * into backfill from ops.backfills as b where b.status = 'active' and b.advanced_at <= moment - interval '250 milliseconds' order by b.advanced_at limit 1 for no key update skip locked;
  if not found then
    return jsonb_build_object('backfill_id', null, 'started', 0, 'skipped', 0);
  end if;
  select s.spec into strict spec from ops.job_template_versions as v join ops.specs as s on s.project_id = v.project_id and s.spec_sha256 = v.spec_sha256
  where v.template_id = backfill.template_id and v.version = backfill.template_version;
  select count(*) into open_runs from ops.runs as r where r.backfill_id = backfill.backfill_id and r.status in ('queued', 'claimed', 'running');
  room := least(50, backfill.max_active - open_runs);
  items := array(
    (select i from ops.backfill_items as i where backfill.direction = 'oldest_first' and i.backfill_id = backfill.backfill_id and i.outcome = 'pending' order by i.partition_start limit 200)
    union all
    (select i from ops.backfill_items as i where backfill.direction = 'newest_first' and i.backfill_id = backfill.backfill_id and i.outcome = 'pending' order by i.partition_start desc limit 200));
  begin
    foreach item in array items loop
      exit when started >= room;
      select ops_private.skip_reason(backfill.reprocess, p.state) into reason from ops_private.partition_states(backfill.environment_id, backfill.template_id, array[item.partition_start]) as p;
      if reason is not null then
        update ops.backfill_items as i set outcome = 'skipped', reason = advance_backfill.reason, settled_at = clock_timestamp() where i.backfill_id = item.backfill_id and i.partition_start = item.partition_start;
        skipped := skipped + 1;
      else
        perform ops_private.start_item(backfill, item, spec);
        started := started + 1;
      end if;
    end loop;
  exception
    -- Not what passes by itself: serialization, deadlock, cancellation, shutdown, a lock or resource not to be had.
    when others then
      if sqlstate ~ '^(40|53|55|57|58)' then
        raise;
      end if;
      update ops.backfills as b set status = 'paused', note = left('A run could not be queued: ' || case when sqlstate like 'PT%' then sqlerrm else 'error ' || sqlstate end, 500) where b.backfill_id = backfill.backfill_id;
      return jsonb_build_object('backfill_id', backfill.backfill_id, 'started', 0, 'skipped', 0);
  end;
  if open_runs + started = 0 and not exists (select from ops.backfill_items as i where i.backfill_id = backfill.backfill_id and i.outcome = 'pending') then
    update ops.backfills as b set status = 'completed', finished_at = clock_timestamp(), note = null, final_progress = ops_private.backfill_progress(b.backfill_id) where b.backfill_id = backfill.backfill_id;
  else
    -- With room left it is looked at again at once, after those that have waited longer.
    update ops.backfills as b set advanced_at = clock_timestamp() - case when started + skipped > 0 and open_runs + started < b.max_active then interval '250 milliseconds' else interval '0' end
    where b.backfill_id = backfill.backfill_id;
  end if;
  return jsonb_build_object('backfill_id', backfill.backfill_id, 'started', started, 'skipped', skipped);
end
$$;

-- Makes the run of one partition. The bounds go into the parameters that the backfill names: a local date where the pipeline declares
-- `format: date`, else the moment.
create function ops_private.start_item(backfill ops.backfills, item ops.backfill_items, spec jsonb) returns void language plpgsql security definer set search_path = '' as $$
declare
  run ops.runs;
begin
  run.environment_id := backfill.environment_id;
  run.template_id := backfill.template_id;
  run.template_version := backfill.template_version;
  run.parameters := backfill.parameters || coalesce((
    select jsonb_object_agg(p.name, case spec #>> array['parameters', 'properties', p.name, 'format'] when 'date' then to_char(p.at at time zone backfill.time_zone, 'YYYY-MM-DD') else ops_private.wire_time(p.at) end)
    from (values (backfill.start_parameter, item.partition_start), (backfill.end_parameter, item.partition_end)) as p (name, at) where p.name is not null), '{}');
  run.queue := backfill.queue;
  run.labels := backfill.labels;
  run.priority := backfill.priority;
  run.max_attempts := backfill.max_attempts;
  run.backfill_id := backfill.backfill_id;
  run.scheduled_for := item.partition_start;
  run.trigger := 'backfill';
  run.triggered_by := backfill.created_by;
  run := ops_private.enqueue_template(run, ops_private.schedule_words(item.partition_start, backfill.time_zone));
  update ops.backfill_items as i set outcome = 'started', run_id = run.run_id, settled_at = clock_timestamp() where i.backfill_id = item.backfill_id and i.partition_start = item.partition_start and i.outcome = 'pending';
  if not found then
    perform ops_private.fail('conflict', 'This partition is settled already.');  -- undoes the run
  end if;
end
$$;
create function ops.advance_backfill() returns jsonb language sql set search_path = '' as 'select ops_private.advance_backfill()';
grant execute on function ops_private.advance_backfill(), ops.advance_backfill() to ops_token;
