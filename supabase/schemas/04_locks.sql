-- Locks on what has no row of its own. Not PostgreSQL's advisory locks: every login of the server may take those, and keep them.
-- Names are without end (debounce keys), so they share 8,192 rows.
create unlogged table ops_private.locks (
  name_hash bigint primary key
);
alter table ops_private.locks enable row level security;
alter table ops_private.locks force row level security;

-- Waits until no other transaction has the lock of this name, and keeps it until the end of the transaction. Two names may
-- share one lock: whoever holds one takes no second.
create function ops_private.take_lock(name text) returns void language plpgsql security definer set search_path = '' as $$
declare
  hash bigint := hashtextextended(name, 0) & 8191;
begin
  insert into ops_private.locks (name_hash) values (hash) on conflict do nothing;
  perform from ops_private.locks as l where l.name_hash = hash for update;
end
$$;
