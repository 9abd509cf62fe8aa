-- Every "random" choice is a hash of (seed, salt, id), so that the same seed and size give the same rows on any machine.
-- The seed is baked into the function's text: reading a setting per call would dominate the large size.
do $do$
begin
  execute format(
    'create function pg_temp.roll(salt int, id bigint, sides int) returns int language sql immutable parallel safe
     return (abs(hashint8extended(id, %s::bigint * 1000003 + salt) %% sides))::int',
    current_setting('demo.seed'));
end $do$;

-- The calendar hangs on one anchor: the demo's last business day.
create function pg_temp.anchor() returns date language sql immutable parallel safe return date '2026-10-31';

-- Imports write hundreds of rows in one transaction, so whole batches share one write_date;
-- one row in thirty was touched long after, some even after the last business day.
create function pg_temp.touched(salt int, id bigint, created timestamp) returns timestamp
language sql immutable parallel safe
return case when pg_temp.roll(salt, id, 30) = 0
  then pg_temp.anchor() + time '18:30:00.250001' + pg_temp.roll(salt + 1, id, 400) * interval '1 hour'
  else date_trunc('hour', created) + interval '59 minutes 12.345678 seconds' end;
