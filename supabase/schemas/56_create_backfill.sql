-- preview_backfill, create_backfill: operators. `request` has the fields of contracts/backfill.ts; the partitions begin at `starts` and
-- end where the next begins, the last at range_end (lib/ops/backfills.ts works them out from cron).

-- The request as a row, checked; internal.
create function ops_private.backfill_of(request jsonb, starts timestamptz[]) returns ops.backfills language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  backfill ops.backfills;
  current_version int;
begin
  perform ops_private.require((request ->> 'environment_id')::uuid, 'operator', 'start a backfill');
  backfill := jsonb_populate_record(null::ops.backfills, (select coalesce(jsonb_object_agg(f.key, f.value), '{}') from jsonb_each(request) as f
    where f.key in ('environment_id', 'template_version', 'schedule_id', 'cron', 'time_zone', 'range_start', 'range_end', 'parameters', 'start_parameter', 'end_parameter',
      'reprocess', 'direction', 'max_active', 'priority', 'queue', 'labels', 'max_attempts', 'idempotency_key')));
  select t.template_id, t.current_version into backfill.template_id, current_version from ops.job_templates as t join ops.environments as e using (project_id)
  where e.environment_id = backfill.environment_id and t.template_key = request ->> 'template_key';
  backfill.template_version := coalesce(backfill.template_version, current_version);
  if backfill.template_id is null or not exists (select from ops.job_template_versions as v where v.template_id = backfill.template_id and v.version = backfill.template_version) then
    perform ops_private.fail('not_found', format('There is no template %s, or no such version of it, in this project.', request ->> 'template_key'));
  elsif backfill.schedule_id is not null and not exists (select from ops.schedules as s where s.schedule_id = backfill.schedule_id and s.environment_id = backfill.environment_id) then
    perform ops_private.fail('not_found', 'There is no such schedule in this environment.');
  elsif coalesce(cardinality(starts), 0) not between 1 and 10000 then
    perform ops_private.fail('invalid_input', format('A backfill has 1 to 10,000 partitions; this range has %s.', coalesce(cardinality(starts), 0)), 'Choose another range, or several backfills.');
  elsif starts[1] < backfill.range_start or starts[cardinality(starts)] >= backfill.range_end
      or exists (select from unnest(starts, starts[2:]) as s (at, next) where s.at >= s.next or s.at is null) then
    perform ops_private.fail('invalid_input', 'Partitions come in order and lie in the range.');
  end if;
  perform now() at time zone backfill.time_zone;
  backfill.backfill_id := ops_private.uuid_v7();
  backfill.labels := array(select distinct l from unnest(backfill.labels) as l order by l);
  backfill.status := 'active';
  backfill.total := cardinality(starts);
  backfill.created_by := me.name;
  backfill.created_at := clock_timestamp();
  backfill.advanced_at := backfill.created_at - interval '1 second';
  backfill.request_sha256 := encode(sha256(convert_to(((request - 'idempotency_key') || jsonb_build_object('starts', starts))::text, 'UTF8')), 'hex');
  return backfill;
exception
  when invalid_parameter_value then
    perform ops_private.fail('invalid_input', format('The database knows no time zone %s.', request ->> 'time_zone'));
end
$$;

create function ops_private.preview_backfill(request jsonb, starts timestamptz[]) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  backfill ops.backfills := ops_private.backfill_of(request, starts);
begin
  return (
    with planned as materialized (
      select p.partition_start as at, lead(p.partition_start, 1, backfill.range_end) over (order by p.partition_start) as until, p.state, ops_private.skip_reason(backfill.reprocess, p.state) as skip_reason
      from ops_private.partition_states(backfill.environment_id, backfill.template_id, starts) as p)
    select jsonb_build_object('total', count(*), 'to_run', count(*) filter (where skip_reason is null), 'template_version', backfill.template_version, 'present', jsonb_build_object(
        'missing', count(*) filter (where state = 'missing'), 'active', count(*) filter (where state = 'active'), 'succeeded', count(*) filter (where state = 'succeeded'),
        'failed', count(*) filter (where state = 'failed'), 'canceled', count(*) filter (where state = 'canceled')),
      'first', (select jsonb_agg(jsonb_build_object('partition_start', f.at, 'partition_end', f.until, 'state', f.state, 'skip_reason', f.skip_reason) order by f.nth)
        from (select p.*, row_number() over (order by case backfill.direction when 'oldest_first' then extract(epoch from p.at) else -extract(epoch from p.at) end) as nth from planned as p) as f where f.nth <= 100))
    from planned);
end
$$;

-- The same idempotency_key answers the same backfill (created = false); with another request, idempotency_conflict.
create function ops_private.create_backfill(request jsonb, starts timestamptz[]) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  backfill ops.backfills := ops_private.backfill_of(request, starts);
  old ops.backfills;
begin
  insert into ops.backfills select backfill.* on conflict on constraint one_idempotency_key_one_backfill do nothing;
  if not found then
    select * into old from ops.backfills as b where b.environment_id = backfill.environment_id and b.idempotency_key = backfill.idempotency_key;
    if old.request_sha256 <> backfill.request_sha256 then
      perform ops_private.fail('idempotency_conflict', 'This Idempotency-Key was used for another request.', 'Use a new key for a new request.');
    end if;
    return jsonb_build_object('created', false, 'backfill', ops_private.backfill_json(old.backfill_id));
  end if;
  insert into ops.backfill_items (backfill_id, partition_start, partition_end, environment_id, outcome, reason, settled_at)
  select backfill.backfill_id, p.partition_start, lead(p.partition_start, 1, backfill.range_end) over (order by p.partition_start), backfill.environment_id,
    case when k.reason is null then 'pending' else 'skipped' end, k.reason, case when k.reason is not null then clock_timestamp() end
  from ops_private.partition_states(backfill.environment_id, backfill.template_id, starts) as p,
    ops_private.skip_reason(backfill.reprocess, p.state) as k (reason);
  perform ops_private.audit(backfill.environment_id, 'backfill.created', 'backfill', backfill.backfill_id::text, null, request - 'idempotency_key' || jsonb_build_object('total', backfill.total));
  return jsonb_build_object('created', true, 'backfill', ops_private.backfill_json(backfill.backfill_id));
end
$$;

create function ops.preview_backfill(request jsonb, starts timestamptz[]) returns jsonb language sql stable set search_path = '' as 'select ops_private.preview_backfill($1, $2)';
create function ops.create_backfill(request jsonb, starts timestamptz[]) returns jsonb language sql set search_path = '' as 'select ops_private.create_backfill($1, $2)';
grant execute on function ops_private.preview_backfill(jsonb, timestamptz[]), ops.preview_backfill(jsonb, timestamptz[]),
  ops_private.create_backfill(jsonb, timestamptz[]), ops.create_backfill(jsonb, timestamptz[]) to authenticated, ops_token;
