-- What makes a delivery, and how it is taken and settled.

-- Called by runs_ended: one delivery for each run that ended failed, where the project's webhook wants it. A verification is
-- somebody's experiment: nobody is woken for it. A child run is a part: its parent tells, if it fails.
create function ops_private.tell_failed_runs(ended uuid[]) returns void language sql security definer set search_path = '' as $$
  insert into ops.webhook_deliveries (project_id, run_id, type, payload)
  select r.project_id, r.run_id, 'run.failed', jsonb_build_object('type', 'run.failed', 'timestamp', r.finished_at, 'data', jsonb_build_object(
    'run_id', r.run_id, 'project', p.slug, 'environment', e.slug, 'pipeline', r.spec_slug, 'template_key', r.template_key, 'trigger', r.trigger, 'attempt', r.attempt,
    'error_code', r.error_code, 'error_message', left(r.error_message, 500), 'created_at', r.created_at, 'started_at', r.started_at, 'finished_at', r.finished_at,
    'path', '/runs/' || r.run_id, 'route', ops_private.route(r.project_id, 'run.failed', (select s.spec ->> 'layer' from ops.specs as s where s.project_id = r.project_id and s.spec_sha256 = r.spec_sha256), e.slug)))
  from ops.runs as r
  join ops.webhooks as w on w.project_id = r.project_id and w.enabled and 'run.failed' = any (w.events)
  join ops.projects as p on p.project_id = r.project_id join ops.environments as e on e.environment_id = r.environment_id
  where r.run_id = any (ended) and r.status = 'failed' and not r.isolated and r.parent_run_id is null
  on conflict (run_id) where run_id is not null do nothing
$$;

-- Since when the scheduler watches without a gap: when nobody ticked, executors could not report either.
create table ops_private.executor_watch (
  only_row boolean primary key default true constraint there_is_one_row check (only_row),
  watching_since timestamptz not null default clock_timestamp(),
  watched_at timestamptz not null default clock_timestamp()
);
alter table ops_private.executor_watch enable row level security;
alter table ops_private.executor_watch force row level security;
insert into ops_private.executor_watch default values;

-- watch_executors: the scheduler. Notes once an outage that an executor which was online went silent, and that it came back; tells
-- both to the project's webhook. One that was asked to drain may leave without a word. After a gap of its own of 75 s (a restart, a stopped
-- control plane) it gives executors 90 s to show themselves before it calls any of them silent.
create function ops_private.watch_executors() returns int language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  moment timestamptz := clock_timestamp();
  since timestamptz;
  changed int;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler watches executors.');
  end if;
  update ops_private.executor_watch as w set watched_at = moment, watching_since = case when w.watched_at < moment - interval '75 seconds' then moment else w.watching_since end
  where w.only_row returning w.watching_since into since;
  with seen as (
    select x.executor_id, ops.status(x) = 'offline' as silent from ops.executors as x
    where x.deleted_at is null and x.last_seen_at is not null
      and (x.offline_since is null and ops.status(x) = 'offline' and x.draining_since is null and since <= moment - interval '90 seconds' or x.offline_since is not null and ops.status(x) <> 'offline')
    limit 200 for no key update skip locked),
  turned as (
    update ops.executors as x set offline_since = case when s.silent then x.last_seen_at end from seen as s where x.executor_id = s.executor_id
    returning x.*, s.silent, case when s.silent then 'executor.offline' else 'executor.online' end as event),
  told as (
    insert into ops.webhook_deliveries (project_id, executor_id, type, payload)
    select t.project_id, t.executor_id, t.event, jsonb_build_object('type', t.event, 'timestamp', clock_timestamp(), 'data', jsonb_build_object(
      'executor_id', t.executor_id, 'executor', t.name, 'project', p.slug, 'last_seen_at', t.last_seen_at, 'hostname', t.hostname, 'version', t.version,
      'active_runs', (select count(*) from ops.leases as l where l.executor_id = t.executor_id), 'path', '/executors/' || t.executor_id, 'route', ops_private.route(t.project_id, t.event, null, null)))
    from turned as t join ops.webhooks as w on w.project_id = t.project_id and w.enabled and t.event = any (w.events) join ops.projects as p on p.project_id = t.project_id)
  select count(*) into changed from turned;
  return changed;
end
$$;

-- take_deliveries: the scheduler. Takes what is due, each organization's oldest, then each one's second, at most four at once for a project, so that one slow
-- receiver, or an organization that has much to tell, holds up nobody else; each for 60 s, in which the taker tells how it went. Gives up what has no enabled webhook any more.
create function ops_private.take_deliveries(at_most int) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  moment timestamptz := clock_timestamp();
  taken jsonb;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler sends deliveries.');
  elsif at_most is null or at_most not between 1 and 100 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 100.');
  end if;
  update ops.webhook_deliveries as d set status = 'failed', next_attempt_at = null, sending_until = null, finished_at = moment, last_error = 'The project has no enabled webhook any more.'
  where d.delivery_id = any (array(
    select o.delivery_id from ops.webhook_deliveries as o where o.status = 'pending' and (o.sending_until is null or o.sending_until <= moment)
      and not exists (select from ops.webhooks as w where w.project_id = o.project_id and w.enabled) limit 1000 for update skip locked));
  with due as materialized (
    select t.delivery_id from (
      select d.delivery_id, d.next_attempt_at, row_number() over (partition by p.organization_id order by d.next_attempt_at) as turn
      from ops.webhooks as w join ops.projects as p on p.project_id = w.project_id cross join lateral (
        select q.delivery_id, q.next_attempt_at from ops.webhook_deliveries as q
        where q.project_id = w.project_id and q.status = 'pending' and q.next_attempt_at <= moment and (q.sending_until is null or q.sending_until <= moment)
        order by q.next_attempt_at
        limit greatest(0, 4 - (select count(*) from ops.webhook_deliveries as b where b.project_id = w.project_id and b.status = 'pending' and b.sending_until > moment))) as d
      where w.enabled) as t
    order by t.turn, t.next_attempt_at limit at_most),
  locked as materialized (
    select d.delivery_id from ops.webhook_deliveries as d where d.delivery_id in (select x.delivery_id from due as x)
      and d.status = 'pending' and d.next_attempt_at <= moment and (d.sending_until is null or d.sending_until <= moment) for update skip locked),
  sent as (
    update ops.webhook_deliveries as d set attempts = d.attempts + 1, sending_until = moment + interval '60 seconds', next_attempt_at = moment + interval '60 seconds'
    from locked as l where d.delivery_id = l.delivery_id returning d.*)
  select coalesce(jsonb_agg(jsonb_build_object('delivery_id', s.delivery_id, 'attempt', s.attempts, 'url', w.url, 'payload', s.payload) order by s.delivery_id), '[]') into taken
  from sent as s join ops.webhooks as w using (project_id);
  return taken;
end
$$;

-- settle_delivery: the scheduler. The outcome of one attempt: an HTTP status, or an error where there was no answer. 2xx → delivered; else
-- pending with a growing wait (1, 3, 9 … minutes and up to half as much again, about a day for all eight tries), and failed after the
-- last. An attempt that is not the present one changes nothing: false.
create function ops_private.settle_delivery(delivery uuid, attempt int, http_status int, error text) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  arrived boolean := coalesce(http_status between 200 and 299, false);
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler settles deliveries.');
  end if;
  update ops.webhook_deliveries as d set last_status = http_status, last_error = case when not arrived then left(error, 500) end, sending_until = null,
    status = case when arrived then 'delivered' when d.attempts >= d.max_attempts then 'failed' else 'pending' end,
    next_attempt_at = case when not arrived and d.attempts < d.max_attempts then clock_timestamp() + ops_private.delivery_backoff(8 - (d.max_attempts - d.attempts)) end,
    finished_at = case when arrived or d.attempts >= d.max_attempts then clock_timestamp() end
  where d.delivery_id = delivery and d.attempts = attempt and d.status = 'pending' and d.sending_until is not null;
  return found;
end
$$;
create function ops_private.delivery_backoff(attempt int) returns interval language sql volatile set search_path = '' as $$
  select make_interval(secs => 60 * power(3, least(greatest(attempt, 1), 8) - 1) * (1 + random() * 0.5))
$$;

create function ops.watch_executors() returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.watch_executors())';
create function ops.take_deliveries(at_most int default 20) returns jsonb language sql set search_path = '' as 'select ops_private.take_deliveries($1)';
create function ops.settle_delivery(delivery_id uuid, attempt int, http_status int default null, error text default null) returns boolean
language sql set search_path = '' as 'select ops_private.settle_delivery($1, $2, $3, $4)';
grant execute on function ops_private.watch_executors(), ops.watch_executors(), ops_private.take_deliveries(int), ops.take_deliveries(int),
  ops_private.settle_delivery(uuid, int, int, text), ops.settle_delivery(uuid, int, int, text) to ops_token;
