-- How many calls a principal may make, over all doors and processes. One call in 64 that may write is counted, as a row of its
-- own: a counter would be a lock that every call of a token waits for. Who goes over is paused, and its calls are refused
-- by one look at an index. Calls that only read, or fail, are not counted here (their transactions leave nothing), but refused
-- as well; the web app counts each call of its own (lib/api/rate-limit.ts). Unlogged: a crash forgets ten seconds.
create unlogged table ops_private.call_samples (
  principal_id uuid not null,
  at timestamptz not null default clock_timestamp()
);
create index call_samples_newest on ops_private.call_samples (principal_id, at);
create unlogged table ops_private.call_pauses (
  principal_id uuid primary key,
  until timestamptz not null
);
alter table ops_private.call_samples enable row level security;
alter table ops_private.call_samples force row level security;
alter table ops_private.call_pauses enable row level security;
alter table ops_private.call_pauses force row level security;

-- Whether a call is one of those that are counted, or its principal is paused: all that most calls pay.
create function ops_private.looks_at_calls(principal uuid) returns boolean language sql volatile set search_path = '' as $$
  select random() < 1.0 / 64 or exists (select from ops_private.call_pauses as p where p.principal_id = principal and p.until > clock_timestamp())
$$;

-- limit_calls: requests that looks_at_calls chose; the scheduler has no id, and no limit. Raises rate_limited with Retry-After while the principal is paused, else counts.
-- `kind`: person, token or executor; the limit per second is the setting calls_per_second_<kind>, over ten seconds.
create function ops_private.limit_calls(principal uuid, kind text) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  share constant int := 64;
  seconds constant int := 10;
  ends timestamptz;
  most numeric;
begin
  if principal is null then
    return;
  end if;
  select p.until into ends from ops_private.call_pauses as p where p.principal_id = principal and p.until > clock_timestamp();
  if ends is not null then
    perform ops_private.fail_rate_limited(ceil(extract(epoch from ends - clock_timestamp()))::int);
  end if;
  if current_setting('transaction_read_only') = 'on' then
    return;
  end if;
  insert into ops_private.call_samples (principal_id) values (principal);
  most := coalesce((select s.value::numeric from ops_private.settings as s where s.key = 'calls_per_second_' || kind),
    case kind when 'person' then 500 when 'token' then 2000 else 5000 end) * seconds / share;
  if (select count(*) from (select from ops_private.call_samples as c where c.principal_id = principal and c.at > clock_timestamp() - make_interval(secs => seconds) limit ceil(most)::int + 1) as few) > most then
    insert into ops_private.call_pauses as p (principal_id, until) values (principal, clock_timestamp() + interval '5 seconds')
    on conflict (principal_id) do update set until = excluded.until where p.until < clock_timestamp();
  end if;
  delete from ops_private.call_samples as c where c.ctid = any (array(
    select o.ctid from ops_private.call_samples as o where o.principal_id = principal and o.at < clock_timestamp() - make_interval(secs => seconds) limit 100 for update skip locked));
end
$$;

-- PostgREST takes the whole answer, headers included, from an error of state PGRST.
create function ops_private.fail_rate_limited(wait_seconds int) returns void language plpgsql set search_path = '' as $$
begin
  raise sqlstate 'PGRST' using
    message = json_build_object('code', 'PT429', 'message', 'rate_limited', 'details', 'You made more calls than one may.', 'hint', format('Wait %s s.', wait_seconds))::text,
    detail = json_build_object('status', 429, 'headers', json_build_object('Retry-After', wait_seconds::text))::text;
end
$$;

-- limit_person: a session's own requests, whose transaction runs as its role.
create function ops_private.limit_person() returns void language plpgsql volatile security definer set search_path = '' as $$
declare
  claims json := nullif(current_setting('request.jwt.claims', true), '')::json;
begin
  if ops_private.looks_at_calls((claims ->> 'sub')::uuid) then
    perform ops_private.limit_calls((claims ->> 'sub')::uuid, 'person');
  end if;
end
$$;
grant execute on function ops_private.limit_person() to authenticated;
