-- check_receipt: the store vouches for bytes with a receipt, keyed by a secret that SQL shares with it: sha256(key || sha256(key || 'environment:sha256:size')).
create function ops_private.check_receipt(environment uuid, hash text, byte_size bigint, receipt text) returns void language plpgsql security definer set search_path = '' as $$
declare
  key bytea;
begin
  select decode(s.value, 'hex') into key from ops_private.settings as s where s.key = 'storage_receipt_key';
  if key is null or receipt is distinct from encode(sha256(key || sha256(key || convert_to(environment || ':' || hash || ':' || byte_size, 'UTF8'))), 'hex') then
    perform ops_private.fail('forbidden', 'The receipt is not of this store.', 'Upload the bytes with PUT /objects/{sha256}.');
  end if;
end
$$;

-- record_object: a registered object was really received and hashed, whoever calls, since the store's receipt comes with it.
create function ops_private.record_object(environment uuid, hash text, byte_size bigint, receipt text) returns jsonb language plpgsql security definer set search_path = '' as $$
begin
  perform ops_private.object_stored(environment, hash);
  perform ops_private.check_receipt(environment, hash, record_object.byte_size, receipt);
  perform ops_private.keep_object(hash);
  insert into ops.objects (environment_id, sha256, byte_size) values (environment, hash, record_object.byte_size) on conflict do nothing;
  if found and (ops_private.me()).type <> 'executor' then
    perform ops_private.audit(environment, 'object.stored', 'object', hash, null, jsonb_build_object('byte_size', record_object.byte_size::text));
  end if;
  return jsonb_build_object('sha256', hash, 'byte_size', byte_size::text);
end
$$;
create function ops.record_object(environment_id uuid, sha256 text, byte_size bigint, receipt text) returns jsonb language sql set search_path = '' as 'select ops_private.record_object($1, $2, $3, $4)';

-- object_stored: has this environment these bytes? Executors of it, and operators.
create function ops_private.object_stored(environment uuid, hash text) returns boolean language plpgsql stable security definer set search_path = '' as $$
begin
  if hash !~ '^[0-9a-f]{64}$' then
    perform ops_private.fail('invalid_input', 'A SHA-256 is 64 lower-case hex digits.');
  elsif (ops_private.me()).type = 'executor' then
    perform ops_private.require(environment, null, 'store bytes');
  else
    perform ops_private.require(environment, 'operator', 'store bytes');
  end if;
  return exists (select from ops.objects as o where o.environment_id = environment and o.sha256 = hash);
end
$$;
create function ops.object_stored(environment_id uuid, sha256 text) returns boolean language sql stable set search_path = '' as 'select ops_private.object_stored($1, $2)';

-- register_artifact: the lease holder, once the bytes are stored. The same phase, name and hash again answers the same artifact.
create function ops_private.register_artifact(run uuid, token uuid, artifact jsonb) returns jsonb language plpgsql security definer set search_path = '' as $$
declare
  lease ops.leases := ops_private.hold(run, token);
  made ops.run_artifacts;
begin
  if artifact ->> 'phase' is not null and not exists (select from ops.run_phases as p where p.run_id = run and p.name = artifact ->> 'phase') then
    perform ops_private.fail('not_found', format('The run has no phase %s.', artifact ->> 'phase'));
  elsif not exists (select from ops.objects as o where o.environment_id = lease.environment_id and o.sha256 = artifact ->> 'sha256' and o.byte_size = (artifact ->> 'byte_size')::bigint) then
    perform ops_private.fail('object_missing', 'The store has no such bytes of that size.', 'Upload them with PUT /objects/{sha256}, then register the artifact.');
  end if;
  insert into ops.run_artifacts (run_id, environment_id, phase, name, kind, content_type, byte_size, sha256, metadata)
  values (run, lease.environment_id, artifact ->> 'phase', artifact ->> 'name', artifact ->> 'kind', artifact ->> 'content_type', (artifact ->> 'byte_size')::bigint, artifact ->> 'sha256', coalesce(artifact -> 'metadata', '{}'))
  on conflict on constraint one_artifact_per_name_and_content do nothing returning * into made;
  if found then
    perform ops_private.append_event(run, 'ARTIFACT_REGISTERED', 'info', made.phase, made.name,
      jsonb_build_object('artifact_id', made.artifact_id, 'kind', made.kind, 'byte_size', made.byte_size::text, 'sha256', made.sha256));
  else
    select * into made from ops.run_artifacts as a
    where a.run_id = run and a.phase is not distinct from artifact ->> 'phase' and a.name = artifact ->> 'name' and a.sha256 = artifact ->> 'sha256';
  end if;
  return ops_private.artifact_json(made);
end
$$;
create function ops.register_artifact(run_id uuid, lease_token uuid, artifact jsonb) returns jsonb language sql set search_path = '' as 'select ops_private.register_artifact($1, $2, $3)';
grant execute on function ops_private.record_object(uuid, text, bigint, text), ops.record_object(uuid, text, bigint, text), ops_private.object_stored(uuid, text), ops.object_stored(uuid, text),
  ops_private.register_artifact(uuid, uuid, jsonb), ops.register_artifact(uuid, uuid, jsonb) to authenticated, ops_token;
