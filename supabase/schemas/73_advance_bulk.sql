-- The principal that a job's creator is now: null where the token has ended, or the person is banned. What they may do is asked again for every item.
create function ops_private.principal_now(type text, id uuid, name text) returns text language sql stable security definer set search_path = '' as $$
  select case type
    when 'user' then (select json_build_object('type', 'user', 'id', u.id, 'name', name) from auth.users as u where u.id = principal_now.id and (u.banned_until is null or u.banned_until <= now()))
    when 'token' then (select json_build_object('type', 'token', 'id', t.api_token_id, 'name', t.name, 'project_id', t.project_id, 'environment_id', t.environment_id, 'role', t.role)
      from ops.api_tokens as t where t.api_token_id = principal_now.id and t.revoked_at is null and t.expires_at > clock_timestamp())
  end::text
$$;

-- One slice of a job, whose row the caller has locked: at most so many items, in order. Locks their runs (skipping what others hold), then
-- all of their gates once, then does each in a savepoint. An item in whose way another transaction stands stays pending. Answers how many it settled.
create function ops_private.advance_bulk(job ops.bulk_jobs, at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  before text := coalesce(current_setting('ops.principal', true), '');
  creator text := ops_private.principal_now(job.created_by_type, job.created_by, job.created_by_name);
  slice uuid[] := array(select i.run_id from ops.bulk_items as i where i.bulk_id = job.bulk_id and i.status = 'pending' order by i.position limit at_most);
  item ops.bulk_items;
  result text;
  settled int := 0;
begin
  if job.verb = 'cancel' then
    slice := array(select r.run_id from ops.runs as r where r.run_id = any (slice) order by r.run_id for no key update skip locked);
  end if;
  perform ops_private.lock_gates(ops_private.gates_of(slice));
  perform set_config('ops.principal', coalesce(creator, ''), true);
  for item in select * from ops.bulk_items as i where i.bulk_id = job.bulk_id and i.status = 'pending' and i.run_id = any (slice) order by i.position loop
    result := 'done';
    begin
      if creator is null then
        perform ops_private.fail('token_invalid', 'Who asked for it may do nothing any more.');
      elsif job.verb = 'retry' then
        item.new_run_id := ops_private.retry_run(item.run_id, job.options ->> 'mode', job.options ->> 'definition', null) ->> 'run_id';
      elsif exists (select from ops.runs as r where r.run_id = item.run_id and r.status = 'canceled') then
        perform ops_private.fail('run_finished', 'It was canceled meanwhile.');
      else
        perform ops_private.cancel_run(item.run_id, job.options ->> 'reason');
      end if;
    exception
      when deadlock_detected or lock_not_available or serialization_failure then
        exit;
      when others then
        -- Our own errors have a code of the contract as message; anything else is a defect, which must not stop the other items.
        if sqlstate not like 'PT%' then
          raise warning 'bulk item % of %: % %', item.position, job.bulk_id, sqlstate, sqlerrm;
        end if;
        item.code := case when sqlstate like 'PT%' then sqlerrm else 'internal' end;
        result := case when item.code in ('run_finished', 'illegal_transition') then 'skipped' else 'refused' end;
    end;
    update ops.bulk_items as i set status = result, code = item.code, new_run_id = item.new_run_id, finished_at = clock_timestamp() where i.bulk_id = job.bulk_id and i.position = item.position;
    settled := settled + 1;
  end loop;
  perform set_config('ops.principal', before, true);
  update ops.bulk_jobs as j set turn_at = clock_timestamp(), status = case when open then 'running' else 'finished' end, finished_at = case when not open then clock_timestamp() end
  from (select exists (select from ops.bulk_items as i where i.bulk_id = job.bulk_id and i.status = 'pending') as open) as o where j.bulk_id = job.bulk_id;
  return settled;
end
$$;

-- advance_bulk_jobs: the scheduler. One slice of the job that waited longest, skipping those that another caller advances.
create function ops_private.advance_bulk_jobs(at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
  job ops.bulk_jobs;
begin
  if me.type is distinct from 'service' then
    perform ops_private.fail('forbidden', 'Only the scheduler advances jobs.');
  elsif at_most is null or at_most not between 1 and 500 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 500.');
  end if;
  select * into job from ops.bulk_jobs as j where j.status = 'running' order by j.turn_at limit 1 for update skip locked;
  return case when found then ops_private.advance_bulk(job, at_most) else 0 end;
end
$$;
create function ops.advance_bulk_jobs(at_most int default 50) returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.advance_bulk_jobs($1))';
grant execute on function ops_private.advance_bulk_jobs(int), ops.advance_bulk_jobs(int) to ops_token;
