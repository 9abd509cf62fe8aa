-- UUIDv7 (RFC 9562, method 3): 48 bits of milliseconds, 12 bits of the millisecond's fraction, 62 random bits.
-- Ids made later sort later (to 0.25 µs steps of one session's clock), so run_id is also the order of creation: the ids of one call
-- are a microsecond apart.
create function ops_private.uuid_v7s(count int) returns setof uuid language plpgsql volatile parallel safe set search_path = '' as $$
begin
  return query select encode(
    substring(int8send(us / 1000) from 3)
      || substring(int4send(28672 | ((us % 1000) * 4096 / 1000)::int) from 3)
      || substring(uuid_send(gen_random_uuid()) from 9 for 8), 'hex')::uuid
  from (select (extract(epoch from clock_timestamp()) * 1000000)::bigint as first) as now cross join generate_series(now.first, now.first + count - 1) as us;
end
$$;
create function ops_private.uuid_v7() returns uuid language sql volatile parallel safe set search_path = '' as 'select * from ops_private.uuid_v7s(1)';

-- The smallest UUIDv7 of a moment: the bound of a partition or a keyset.
create function ops_private.uuid_at(moment timestamptz) returns uuid language sql immutable parallel safe set search_path = '' as $$
  select encode(substring(int8send((extract(epoch from moment) * 1000)::bigint) from 3) || '\x70008000000000000000'::bytea, 'hex')::uuid
$$;
grant execute on function ops_private.uuid_v7s(int), ops_private.uuid_v7() to authenticated, ops_token;

-- uuid::text is only stable in the catalog; generated columns need an immutable function (the text form never varies).
create function ops_private.uuid_text(id uuid) returns text language sql immutable parallel safe set search_path = '' as 'select encode(uuid_send(id), ''hex'')::uuid::text';
