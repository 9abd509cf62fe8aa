-- Settings of this installation: hashes and keys that SQL itself checks. Nobody but the owner reads them.
create table ops_private.settings (
  key text primary key,
  value text not null,
  updated_at timestamptz not null default now()
);
alter table ops_private.settings enable row level security;
alter table ops_private.settings force row level security;

-- For the one who installs (a direct connection as owner): cron_secret_sha256, storage_receipt_key.
create function ops_private.put_setting(key text, value text) returns void language sql set search_path = '' as $$
  insert into ops_private.settings (key, value) values ($1, $2)
  on conflict (key) do update set value = excluded.value, updated_at = now() where settings.value <> excluded.value
$$;
