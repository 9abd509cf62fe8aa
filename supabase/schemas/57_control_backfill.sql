-- pause_backfill, resume_backfill, cancel_backfill: operators. active ⇄ paused → canceled; a repeat changes nothing, and what has
-- ended stays so (illegal_transition). While paused no run is made; those that were made go on. To cancel drops what is pending, and
-- cancels the runs that are open: queued ones at once, active ones at their next heartbeat.
create function ops_private.set_backfill_status(backfill uuid, wanted text, note text) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  old ops.backfills;
begin
  select * into old from ops.backfills as b where b.backfill_id = backfill and b.environment_id = any (ops_private.visible_environments()) for no key update;
  if not found then
    perform ops_private.fail('not_found', 'There is no such backfill, or you may not see it.');
  end if;
  perform ops_private.require(old.environment_id, 'operator', 'control a backfill');
  if old.status = wanted then
    return ops_private.backfill_json(backfill);
  elsif old.status in ('canceled', 'completed') then
    perform ops_private.fail('illegal_transition', format('The backfill is %s.', old.status));
  end if;
  update ops.backfills as b set status = wanted, note = nullif(set_backfill_status.note, ''), finished_at = case wanted when 'canceled' then clock_timestamp() end where b.backfill_id = backfill;
  if wanted = 'canceled' then
    update ops.backfill_items as i set outcome = 'canceled', reason = 'The backfill was canceled.', settled_at = clock_timestamp() where i.backfill_id = backfill and i.outcome = 'pending';
    perform ops_private.cancel_all(array(select r.run_id from ops.runs as r where r.backfill_id = backfill and r.status in ('queued', 'claimed', 'running')), 'Its backfill was canceled.');
  end if;
  perform ops_private.audit(old.environment_id, 'backfill.' || case wanted when 'active' then 'resumed' else wanted end, 'backfill', backfill::text, jsonb_build_object('status', old.status), jsonb_build_object('status', wanted, 'note', note));
  return ops_private.backfill_json(backfill);
end
$$;
create function ops.pause_backfill(backfill_id uuid, note text default null) returns jsonb language sql set search_path = '' as 'select ops_private.set_backfill_status($1, ''paused'', $2)';
create function ops.resume_backfill(backfill_id uuid) returns jsonb language sql set search_path = '' as 'select ops_private.set_backfill_status($1, ''active'', null)';
create function ops.cancel_backfill(backfill_id uuid, note text default null) returns jsonb language sql set search_path = '' as 'select ops_private.set_backfill_status($1, ''canceled'', $2)';
grant execute on function ops_private.set_backfill_status(uuid, text, text), ops.pause_backfill(uuid, text), ops.resume_backfill(uuid), ops.cancel_backfill(uuid, text) to authenticated, ops_token;
