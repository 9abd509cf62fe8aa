-- One webhook per project, and the log of what was sent to it. A delivery is written in the transaction of what it tells, and
-- sent by the web process (lib/ops/tick/webhooks.ts), which signs it; the database holds no key. The URL may hold a secret of
-- its own, so only those who administer the whole project see it.
create table ops.webhooks (
  project_id uuid primary key references ops.projects,
  url text not null constraint url_is_http check (url ~ '^https?://[^\s@/?#]+([/?#]\S*)?$' and octet_length(url) <= 2000),
  enabled boolean not null default true,
  events text[] not null default '{run.failed,dataset.breached,executor.offline,executor.online,alert.firing,alert.resolved}'
    constraint webhook_events_are_known check (events <@ '{run.failed,dataset.breached,executor.offline,executor.online,alert.firing,alert.resolved}' and cardinality(events) >= 1),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);

create table ops.webhook_deliveries (
  delivery_id uuid primary key default ops_private.uuid_v7(),
  project_id uuid not null references ops.projects,
  run_id uuid references ops.runs,
  executor_id uuid references ops.executors,
  type text not null constraint delivery_type_is_known check (type in ('run.failed', 'dataset.breached', 'executor.offline', 'executor.online', 'alert.firing', 'alert.resolved', 'webhook.test')),
  payload jsonb not null,
  status text not null default 'pending' constraint delivery_status_is_known check (status in ('pending', 'delivered', 'failed')),
  attempts int not null default 0,
  max_attempts int not null default 8,
  next_attempt_at timestamptz default clock_timestamp(),
  -- Who took it has until then to say how it went; later another may take it.
  sending_until timestamptz,
  last_status int,
  last_error text,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  constraint only_a_pending_delivery_waits check ((status = 'pending') = (next_attempt_at is not null)),
  constraint only_a_pending_delivery_is_being_sent check (status = 'pending' or sending_until is null),
  constraint delivery_finished_only_when_ended check ((status = 'pending') = (finished_at is null))
);
create index webhook_deliveries_due on ops.webhook_deliveries (project_id, next_attempt_at) where status = 'pending';
create index webhook_deliveries_newest on ops.webhook_deliveries (project_id, delivery_id desc);
create index webhook_deliveries_by_executor on ops.webhook_deliveries (executor_id) where executor_id is not null;
create unique index one_delivery_per_failed_run on ops.webhook_deliveries (run_id) where run_id is not null;

do $$
declare
  name text;
begin
  foreach name in array array['webhooks', 'webhook_deliveries'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy admins_of_the_project on ops.%I for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.governed_projects(4))::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;

-- put_webhook: admins of the project. Makes it, or changes it; a repeat changes nothing. What waits goes to the new address. The audit
-- log names the host only: the rest of a URL may be a secret.
create function ops_private.put_webhook(project uuid, url text, enabled boolean, events text[]) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.webhooks;
  present ops.webhooks;
begin
  perform ops_private.require_project(project, 'admin', 'set the webhook');
  if url is null or url !~ '^https?://[^\s@/?#]+([/?#]\S*)?$' or octet_length(url) > 2000 then
    perform ops_private.fail('invalid_input', 'The URL begins with https://, holds no user name, and has at most 2,000 bytes.');
  elsif events is null or cardinality(events) = 0 or not events <@ '{run.failed,dataset.breached,executor.offline,executor.online,alert.firing,alert.resolved}' then
    perform ops_private.fail('invalid_input', 'events names at least one of run.failed, dataset.breached, executor.offline, executor.online, alert.firing, alert.resolved.');
  end if;
  select * into old from ops.webhooks as w where w.project_id = project for update;
  insert into ops.webhooks as w (project_id, url, enabled, events) values (project, put_webhook.url, coalesce(put_webhook.enabled, true), put_webhook.events)
  on conflict (project_id) do update set url = excluded.url, enabled = excluded.enabled, events = excluded.events, updated_at = clock_timestamp()
    where (w.url, w.enabled, w.events) is distinct from (excluded.url, excluded.enabled, excluded.events)
  returning * into present;
  if not found then
    return to_jsonb(old);
  end if;
  perform ops_private.audit(null, 'webhook.saved', 'webhook', project::text, ops_private.webhook_audit(old), ops_private.webhook_audit(present), project);
  return to_jsonb(present);
end
$$;
create function ops_private.webhook_audit(webhook ops.webhooks) returns jsonb language sql immutable set search_path = '' as $$
  select case when webhook.project_id is not null then jsonb_build_object('host', substring(webhook.url from '^https?://([^/?#]+)'),
    'url_sha256', encode(sha256(convert_to(webhook.url, 'UTF8')), 'hex'), 'enabled', webhook.enabled, 'events', webhook.events) end
$$;

-- delete_webhook: admins of the project. Its log stays; what still waits is given up at the next tick. A repeat answers false.
create function ops_private.delete_webhook(project uuid) returns boolean language plpgsql security definer set search_path = '' as $$
declare
  old ops.webhooks;
begin
  perform ops_private.require_project(project, 'admin', 'delete the webhook');
  delete from ops.webhooks as w where w.project_id = project returning * into old;
  if not found then
    return false;
  end if;
  perform ops_private.audit(null, 'webhook.deleted', 'webhook', project::text, ops_private.webhook_audit(old), null, project);
  return true;
end
$$;

create function ops_private.delivery_json(delivery ops.webhook_deliveries) returns jsonb language sql stable set search_path = '' as $$
  select to_jsonb(delivery) - 'sending_until'
$$;

-- test_webhook: admins of the project. Sends a message that says only that it is a test.
create function ops_private.test_webhook(project uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  made ops.webhook_deliveries;
begin
  perform ops_private.require_project(project, 'admin', 'test the webhook');
  if not exists (select from ops.webhooks as w where w.project_id = project and w.enabled) then
    perform ops_private.fail('not_found', 'The project has no enabled webhook.', 'Set it with PUT /webhook.');
  end if;
  insert into ops.webhook_deliveries (project_id, type, payload)
  select p.project_id, 'webhook.test', jsonb_build_object('type', 'webhook.test', 'timestamp', clock_timestamp(), 'data', jsonb_build_object('project', p.slug, 'message', 'This is a test.'))
  from ops.projects as p where p.project_id = project returning * into made;
  perform ops_private.audit(null, 'webhook.tested', 'webhook', project::text, null, jsonb_build_object('delivery_id', made.delivery_id), project);
  return ops_private.delivery_json(made);
end
$$;

-- retry_delivery: admins of the project. failed → pending, with eight more tries and the same id; a pending one is due at once. One that
-- arrived is not sent again.
create function ops_private.retry_delivery(delivery uuid) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  found_delivery ops.webhook_deliveries;
begin
  select * into found_delivery from ops.webhook_deliveries as d where d.delivery_id = delivery and d.project_id = any (ops_private.visible_projects()) for update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such delivery, or you may not see it.');
  end if;
  perform ops_private.require_project(found_delivery.project_id, 'admin', 'send it again');
  if found_delivery.status = 'delivered' then
    perform ops_private.fail('illegal_transition', 'It has arrived.');
  elsif not exists (select from ops.webhooks as w where w.project_id = found_delivery.project_id and w.enabled) then
    perform ops_private.fail('not_found', 'The project has no enabled webhook.', 'Set it with PUT /webhook.');
  end if;
  update ops.webhook_deliveries as d set status = 'pending', next_attempt_at = least(d.next_attempt_at, clock_timestamp()), finished_at = null,
    max_attempts = case d.status when 'failed' then d.attempts + 8 else d.max_attempts end
  where d.delivery_id = delivery returning * into found_delivery;
  perform ops_private.audit(null, 'webhook.retried', 'webhook', found_delivery.project_id::text, null, jsonb_build_object('delivery_id', delivery), found_delivery.project_id);
  return ops_private.delivery_json(found_delivery);
end
$$;

create function ops.put_webhook(project_id uuid, url text, enabled boolean default true, events text[] default '{run.failed,dataset.breached,executor.offline,executor.online,alert.firing,alert.resolved}') returns jsonb
language sql set search_path = '' as 'select ops_private.put_webhook($1, $2, $3, $4)';
create function ops.delete_webhook(project_id uuid) returns boolean language sql set search_path = '' as 'select ops_private.delete_webhook($1)';
create function ops.test_webhook(project_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.test_webhook($1)';
create function ops.retry_delivery(delivery_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.retry_delivery($1)';
grant execute on function ops_private.put_webhook(uuid, text, boolean, text[]), ops.put_webhook(uuid, text, boolean, text[]),
  ops_private.delete_webhook(uuid), ops.delete_webhook(uuid), ops_private.test_webhook(uuid), ops.test_webhook(uuid),
  ops_private.retry_delivery(uuid), ops.retry_delivery(uuid) to authenticated, ops_token;
