-- One hash chain per organization, written after the fact, so that writers never wait for each other: link n = SHA-256(link n-1 || SHA-256(row)).
-- Link 0 is SHA-256 of the organization's id. A row that the table's owner changes, removes or slips in no longer fits its link; the
-- tips are signed and stored outside the database (audit_heads), so that cutting off the end shows too.
create table ops.audit_chain (
  organization_id uuid not null,
  seq bigint not null constraint the_first_link_is_1 check (seq >= 1),
  audit_id bigint not null constraint a_row_is_sealed_once unique,
  hash bytea not null constraint a_link_is_a_sha256 check (octet_length(hash) = 32),
  sealed_at timestamptz not null default clock_timestamp(),
  primary key (organization_id, seq)
);
alter table ops.audit_chain enable row level security;
alter table ops.audit_chain force row level security;
create policy admins_read_the_chain on ops.audit_chain for select to authenticated, ops_token, ops_sql
  using (organization_id = any ((select ops_private.governed_organizations(4))::uuid[]) or organization_id = any ((select ops_private.visible_organizations(4))::uuid[]));
grant select on ops.audit_chain to authenticated, ops_token, ops_sql;
create trigger audit_chain_is_append_only before update or delete on ops.audit_chain for each row execute function ops_private.refuse_change();
create trigger audit_chain_is_not_truncated before truncate on ops.audit_chain for each statement execute function ops_private.refuse_change();

-- An entry with its place in the chain; both null for at most some seconds.
create view ops.audit_list with (security_invoker = true) as
  select a.audit_id, a.organization_id, a.project_id, a.environment_id, a.actor_type, a.actor_id, a.actor_name, a.action, a.object_type, a.object_id,
    a.before, a.after, a.request_id, a.created_at, c.seq, encode(c.hash, 'hex') as hash
  from ops.audit_log as a left join ops.audit_chain as c using (audit_id);
grant select on ops.audit_list to authenticated, ops_token, ops_sql;

-- Up to where everything is sealed. The row's lock makes one sealer at a time.
create table ops_private.audit_sealer (
  only_row boolean primary key default true constraint there_is_one_row check (only_row),
  txid xid8 not null default '0',
  audit_id bigint not null default 0
);
insert into ops_private.audit_sealer default values;

-- The last tip of each organization that was stored outside: the number of the stored head, and the link that it names.
create table ops_private.audit_heads (
  organization_id uuid primary key,
  number bigint not null default 0,
  seq bigint not null default 0,
  stored_at timestamptz,
  -- When the next is to be stored; null where nothing is new.
  due_at timestamptz
);
create index audit_heads_due on ops_private.audit_heads (due_at) where due_at is not null;
do $$
declare
  name text;
begin
  foreach name in array array['audit_sealer', 'audit_heads'] loop
    execute format('alter table ops_private.%I enable row level security', name);
    execute format('alter table ops_private.%I force row level security', name);
  end loop;
end
$$;

-- What is hashed of an entry: named one by one, and without anything that a session's settings change the look of.
create function ops_private.audit_hash(entry ops.audit_log) returns bytea language plpgsql stable set search_path = '' as $$
begin
  return sha256(convert_to(jsonb_build_array(1, entry.audit_id, entry.organization_id, entry.project_id, entry.environment_id, entry.actor_type, entry.actor_id, entry.actor_name,
    entry.action, entry.object_type, entry.object_id, entry.before, entry.after, entry.request_id, entry.txid, extract(epoch from entry.created_at))::text, 'UTF8'));
end
$$;
-- The links that follow this one, for hashes of entries in order; an entry that is missing (null) leaves the link as it was.
create function ops_private.links(link bytea, hashes bytea[]) returns table (place bigint, hash bytea) language plpgsql immutable set search_path = '' as $$
declare
  entry_hash bytea;
begin
  hash := link;
  place := 0;
  foreach entry_hash in array hashes loop
    hash := case when entry_hash is null then hash else sha256(hash || entry_hash) end;
    place := place + 1;
    return next;
  end loop;
end
$$;
create function ops_private.first_link(organization uuid) returns bytea language sql immutable set search_path = '' as 'select sha256(uuid_send(organization))';

create function ops_private.require_service(action text) returns void language plpgsql stable set search_path = '' as $$
begin
  if (ops_private.me()).type is distinct from 'service' then
    perform ops_private.fail('forbidden', format('Only the scheduler may %s.', action));
  end if;
end
$$;

-- The first transaction that is open and may write an entry. One of another database writes none here, nor does that of a SQL login, which could stay
-- open for as long as it likes and hold up the sealing of everybody.
create function ops_private.sealing_horizon() returns xid8 language sql stable set search_path = '' as $$
  select coalesce(min(o.xid), pg_snapshot_xmax(pg_current_snapshot())) from pg_snapshot_xip(pg_current_snapshot()) as o (xid)
  where not exists (select from pg_stat_activity as a where a.backend_xid = o.xid::xid and (a.datname <> current_database()
    or pg_has_role(a.usesysid, 'ops_sql', 'member') and not pg_has_role(a.usesysid, 'authenticated', 'member') and not pg_has_role(a.usesysid, 'ops_token', 'member') and not pg_has_role(a.usesysid, current_user, 'member')))
$$;

-- seal_audit(at_most): the scheduler. Chains entries of transactions older than every open one that may write any, in the order of (txid, audit_id), which no later
-- commit can change; answers how many: at_most, or what 16 MB hold. A second caller at the same time answers 0.
create function ops_private.seal_audit(at_most int) returns int language plpgsql security definer set search_path = '' as $$
declare
  horizon xid8 := ops_private.sealing_horizon();
  done ops_private.audit_sealer;
  last record;
  sealed int;
begin
  perform ops_private.require_service('seal the audit log');
  if at_most is null or at_most not between 1 and 50000 then
    perform ops_private.fail('invalid_input', 'at_most is 1 to 50000.');
  end if;
  select * into done from ops_private.audit_sealer for no key update skip locked;
  if not found then
    return 0;
  elsif done.txid >= horizon then
    -- A database that was restored into another cluster counts its transactions from the beginning again.
    done.txid := '0';
    done.audit_id := 0;
  end if;
  with due as materialized (
    select w.organization_id, w.txid, w.audit_id from (
      select l.*, sum(l.size) over (order by l.txid, l.audit_id rows unbounded preceding) as bytes from (
        select l.organization_id, l.txid, l.audit_id, coalesce(pg_column_size(l.before), 0) + coalesce(pg_column_size(l.after), 0) as size from ops.audit_log as l
        where (l.txid, l.audit_id) > (done.txid, done.audit_id) and l.txid < horizon and not exists (select from ops.audit_chain as c where c.audit_id = l.audit_id)
        order by l.txid, l.audit_id limit at_most) as l) as w
    where w.bytes - w.size < 16777216),
  -- Hashes and ids in the same order, so that links and entries meet by their place: a join may hash every entry once for each.
  entries as (
    select d.organization_id, array_agg(ops_private.audit_hash(l) order by d.txid, d.audit_id) as hashes, array_agg(d.audit_id order by d.txid, d.audit_id) as audit_ids
    from due as d join ops.audit_log as l on l.audit_id = d.audit_id group by d.organization_id),
  tips as materialized (
    select e.*, coalesce(t.seq, 0) as seq, coalesce(t.hash, ops_private.first_link(e.organization_id)) as hash
    from entries as e
    left join lateral (select c.seq, c.hash from ops.audit_chain as c where c.organization_id = e.organization_id order by c.seq desc limit 1) as t on true),
  added as (
    insert into ops.audit_chain (organization_id, seq, audit_id, hash)
    select t.organization_id, t.seq + l.place, l.audit_id, l.hash
    from tips as t cross join lateral rows from (ops_private.links(t.hash, t.hashes), unnest(t.audit_ids)) as l (place, hash, audit_id)),
  moved as (
    insert into ops_private.audit_heads as h (organization_id, due_at) select t.organization_id, clock_timestamp() from tips as t
    on conflict (organization_id) do update set due_at = greatest(excluded.due_at, h.stored_at + interval '1 minute') where h.due_at is null)
  select count(*)::int, (array_agg(d.txid order by d.txid desc, d.audit_id desc))[1], (array_agg(d.audit_id order by d.txid desc, d.audit_id desc))[1]
  into sealed, done.txid, done.audit_id from due as d;
  if sealed > 0 then
    update ops_private.audit_sealer as s set txid = done.txid, audit_id = done.audit_id where s.only_row;
  end if;
  return sealed;
end
$$;

-- take_audit_heads(at_most): the scheduler. Tips to sign and to store outside, at most one a minute for each organization. They stay due until
-- note_audit_head says that they are stored.
create function ops_private.take_audit_heads(at_most int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
begin
  perform ops_private.require_service('store the heads of the audit log');
  return (select coalesce(jsonb_agg(jsonb_build_object('organization_id', h.organization_id, 'number', h.number + 1, 'seq', t.seq::text, 'hash', encode(t.hash, 'hex')) order by h.due_at), '[]')
    from (select d.* from ops_private.audit_heads as d where d.due_at <= clock_timestamp() order by d.due_at limit least(at_most, 1000)) as h
    cross join lateral (select c.seq, c.hash from ops.audit_chain as c where c.organization_id = h.organization_id order by c.seq desc limit 1) as t);
end
$$;

-- note_audit_head(organization, number, seq): the scheduler. The head of this number is stored. A number that is not higher changes nothing.
create function ops_private.note_audit_head(organization uuid, number bigint, seq bigint) returns boolean language plpgsql security definer set search_path = '' as $$
begin
  perform ops_private.require_service('store the heads of the audit log');
  update ops_private.audit_heads as h set number = note_audit_head.number, seq = note_audit_head.seq, stored_at = clock_timestamp(),
    due_at = case when exists (select from ops.audit_chain as c where c.organization_id = organization and c.seq > note_audit_head.seq) then clock_timestamp() + interval '1 minute' end
  where h.organization_id = organization and h.number < note_audit_head.number;
  return found;
end
$$;

-- verify_audit(organization, after_seq, at_most): admins within the organization. Computes the next links again (at_most, or what 16 MB hold) and answers how far
-- it came, the last link, the first place that does not fit, and how many entries wait for their seal. Entries slipped in behind the sealer are looked for at the end.
create function ops_private.verify_audit(organization uuid, after_seq bigint, at_most int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  walked record;
  ended record;
begin
  if not organization = any (ops_private.visible_organizations() || ops_private.governed_organizations(1)) then
    perform ops_private.fail('not_found', 'There is no such organization, or you may not see it.');
  elsif not organization = any (ops_private.visible_organizations(4) || ops_private.governed_organizations(4)) then
    perform ops_private.fail('forbidden', 'To verify the audit log needs the role admin.', 'Ask an admin of the organization for that role.');
  elsif after_seq is null or after_seq < 0 or at_most is null or at_most not between 1 and 100000 then
    perform ops_private.fail('invalid_input', 'after_seq is not negative; at_most is 1 to 100000.');
  end if;
  if after_seq > 0 and not exists (select from ops.audit_chain as c where c.organization_id = organization and c.seq = after_seq) then
    return jsonb_build_object('organization_id', organization, 'checked', 0, 'last_seq', after_seq::text, 'hash', null, 'complete', true, 'unsealed', null,
      'broken', jsonb_build_object('seq', after_seq::text, 'audit_id', null, 'reason', 'link_missing'));
  end if;
  with asked as materialized (
    select w.*, row_number() over (order by w.seq) as place, sum(w.size) over (order by w.seq rows unbounded preceding) - w.size < 16777216 as fits from (
      select c.seq, c.audit_id, c.hash, coalesce(pg_column_size(a.before), 0) + coalesce(pg_column_size(a.after), 0) as size
      from (select l.* from ops.audit_chain as l where l.organization_id = organization and l.seq > after_seq order by l.seq limit at_most) as c left join ops.audit_log as a on a.audit_id = c.audit_id) as w),
  linked as materialized (
    select c.seq, c.audit_id, c.hash, coalesce(a.organization_id = organization, false) as is_there, ops_private.audit_hash(a) as entry_hash, c.place
    from asked as c left join ops.audit_log as a on a.audit_id = c.audit_id where c.fits),
  first as (
    select case after_seq when 0 then ops_private.first_link(organization) else (select c.hash from ops.audit_chain as c where c.organization_id = organization and c.seq = after_seq) end as hash),
  computed as (
    select 0 as place, null::bigint as seq, null::bigint as audit_id, true as is_there, f.hash, f.hash as wanted from first as f
    union all select l.place, l.seq, l.audit_id, l.is_there, l.hash, w.hash
    from first as f cross join lateral ops_private.links(f.hash, array(select n.entry_hash from linked as n order by n.place)) as w join linked as l on l.place = w.place),
  broken as (
    select c.seq, c.audit_id, case when c.seq is distinct from after_seq + c.place then 'link_missing' when not c.is_there then 'entry_missing' else 'entry_changed' end as reason
    from computed as c where c.place > 0 and (c.seq <> after_seq + c.place or not c.is_there or c.wanted is distinct from c.hash) order by c.place limit 1)
  select (select count(*) from linked) as n, (select count(*) < at_most and bool_and(a.fits) is not false from asked as a) as is_last, (select to_jsonb(b) || jsonb_build_object('seq', b.seq::text, 'audit_id', b.audit_id::text) from broken as b) as broken,
    (select encode(c.hash, 'hex') from computed as c order by c.place desc limit 1) as hash into walked;
  if walked.is_last then
    with sealer as (select s.txid, s.audit_id from ops_private.audit_sealer as s)
    select (select count(*)::int from ops.audit_log as a, sealer as s where a.organization_id = organization and (a.txid, a.audit_id) > (s.txid, s.audit_id)) as unsealed,
      (select jsonb_build_object('seq', null, 'audit_id', a.audit_id::text, 'reason', 'entry_added') from ops.audit_log as a, sealer as s
        where a.organization_id = organization and (a.txid, a.audit_id) <= (s.txid, s.audit_id) and not exists (select from ops.audit_chain as c where c.audit_id = a.audit_id)
        order by a.audit_id limit 1) as added into ended;
    return jsonb_build_object('organization_id', organization, 'checked', walked.n, 'last_seq', (after_seq + walked.n)::text, 'hash', walked.hash, 'complete', true,
      'unsealed', ended.unsealed, 'broken', coalesce(walked.broken, ended.added));
  end if;
  return jsonb_build_object('organization_id', organization, 'checked', walked.n, 'last_seq', (after_seq + walked.n)::text, 'hash', walked.hash, 'complete', walked.broken is not null,
    'unsealed', null, 'broken', walked.broken);
end
$$;

create function ops.seal_audit(at_most int default 5000) returns jsonb language sql set search_path = '' as 'select to_jsonb(ops_private.seal_audit($1))';
create function ops.take_audit_heads(at_most int default 100) returns jsonb language sql stable set search_path = '' as 'select ops_private.take_audit_heads($1)';
create function ops.note_audit_head(organization_id uuid, number bigint, seq bigint) returns boolean language sql set search_path = '' as 'select ops_private.note_audit_head($1, $2, $3)';
create function ops.verify_audit(organization_id uuid, after_seq bigint default 0, at_most int default 20000) returns jsonb language sql stable set search_path = '' as 'select ops_private.verify_audit($1, $2, $3)';
grant execute on function ops_private.seal_audit(int), ops.seal_audit(int), ops_private.take_audit_heads(int), ops.take_audit_heads(int),
  ops_private.note_audit_head(uuid, bigint, bigint), ops.note_audit_head(uuid, bigint, bigint), ops_private.verify_audit(uuid, bigint, int), ops.verify_audit(uuid, bigint, int) to ops_token;
grant execute on function ops_private.verify_audit(uuid, bigint, int), ops.verify_audit(uuid, bigint, int) to authenticated;
