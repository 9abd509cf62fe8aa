-- One partition of a backfill: pending → started (its run), skipped (what is there need not be made again) or canceled; once.
create table ops.backfill_items (
  backfill_id uuid not null references ops.backfills,
  partition_start timestamptz not null,
  partition_end timestamptz not null,
  environment_id uuid not null,
  outcome text not null default 'pending' constraint outcome_is_known check (outcome in ('pending', 'started', 'skipped', 'canceled')),
  reason text,
  run_id uuid references ops.runs,
  settled_at timestamptz,
  primary key (backfill_id, partition_start),
  constraint it_ends_after_it_starts check (partition_end > partition_start),
  constraint what_started_has_a_run check ((outcome = 'started') = (run_id is not null)),
  constraint only_what_is_pending_is_unsettled check ((outcome = 'pending') = (settled_at is null))
);
create index backfill_items_pending on ops.backfill_items (backfill_id, partition_start) where outcome = 'pending';
create index backfill_items_by_run on ops.backfill_items (run_id) where run_id is not null;
alter table ops.backfill_items enable row level security;
alter table ops.backfill_items force row level security;
create policy members_see_their_environments on ops.backfill_items for select to authenticated, ops_token, ops_sql using (environment_id = any ((select ops_private.visible_environments())::uuid[]));
grant select on ops.backfill_items to authenticated, ops_token, ops_sql;

create view ops.backfill_item_list with (security_invoker = true) as
  select i.backfill_id, i.environment_id, i.partition_start, i.partition_end, i.outcome, i.reason, i.run_id, r.status as run_status, i.settled_at
  from ops.backfill_items as i left join ops.runs as r using (run_id);

-- Counts of partitions; a canceled one is one whose run was canceled, or that never got a run.
create function ops_private.backfill_progress(backfill uuid) returns jsonb language sql stable set search_path = '' as $$
  select jsonb_build_object('pending', count(*) filter (where i.outcome = 'pending'), 'skipped', count(*) filter (where i.outcome = 'skipped'),
    'queued', count(*) filter (where r.status = 'queued'), 'running', count(*) filter (where r.status in ('claimed', 'running')), 'succeeded', count(*) filter (where r.status = 'succeeded'),
    'failed', count(*) filter (where r.status = 'failed'), 'canceled', count(*) filter (where r.status = 'canceled' or i.outcome = 'canceled'))
  from ops.backfill_items as i left join ops.runs as r using (run_id) where i.backfill_id = backfill
$$;
grant execute on function ops_private.backfill_progress(uuid) to authenticated, ops_token, ops_sql;

create view ops.backfill_list with (security_invoker = true) as
  select b.backfill_id, b.environment_id, t.template_key, b.template_version, b.schedule_id, b.cron, b.time_zone, b.range_start, b.range_end, b.parameters, b.start_parameter, b.end_parameter,
    b.reprocess, b.direction, b.max_active, b.priority, b.queue, b.labels, b.max_attempts, b.status, b.note, b.total,
    coalesce(b.final_progress, ops_private.backfill_progress(b.backfill_id)) as progress, b.created_by, b.created_at, b.finished_at
  from ops.backfills as b join ops.job_templates as t using (template_id);
grant select on ops.backfill_item_list, ops.backfill_list to authenticated, ops_token, ops_sql;

create function ops_private.backfill_json(backfill uuid) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(l) from ops.backfill_list as l where l.backfill_id = backfill
$$;

-- What is there of each partition, by its newest run: missing | active | succeeded | failed | canceled. Verifications do not count.
create function ops_private.partition_states(environment uuid, template uuid, starts timestamptz[]) returns table (partition_start timestamptz, state text)
language sql stable security definer set search_path = '' as $$
  select s.at, coalesce(case when r.status in ('queued', 'claimed', 'running') then 'active' else r.status end, 'missing')
  from unnest(starts) as s (at) left join lateral (
    select n.status from ops.runs as n where n.environment_id = environment and n.template_id = template and n.scheduled_for = s.at and not n.isolated order by n.run_id desc limit 1) as r on true
$$;

-- Why such a partition gets no run, or null where it gets one.
--   none                 only where there never was a run       missing_only   also where the run was canceled
--   missing_and_failed   also where the run failed              all            everywhere; but never beside a run under way
create function ops_private.skip_reason(reprocess text, state text) returns text language sql immutable set search_path = '' as $$
  select case
    when state = 'active' then 'Its run is under way.'
    when state = 'missing' or reprocess = 'all' then null
    when reprocess = 'none' then 'It has a run already: ' || state || '.'
    when state = 'succeeded' or state = 'failed' and reprocess = 'missing_only' then 'Its run ' || state || ' already.' end
$$;
