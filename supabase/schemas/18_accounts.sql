-- What becomes of an account is told to each organization of its holder. The auth server changes accounts by itself, here and on hosted
-- Supabase: a trigger sees it, by whichever door it came.
create function ops_private.audit_account(person uuid, name text, action text, before jsonb default null, after jsonb default null) returns void language plpgsql security definer set search_path = '' as $$
begin
  insert into ops.audit_log (organization_id, actor_type, actor_id, actor_name, action, object_type, object_id, before, after)
  select m.organization_id, 'user', person, name, action, 'user', person::text, before, after from ops.memberships as m where m.user_id = person group by m.organization_id order by m.organization_id;
end
$$;

-- Of a password that it was changed, never what it is.
create function ops_private.note_account_changes() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if new.email is distinct from old.email then
    perform ops_private.audit_account(new.id, old.email, 'account.email_changed', jsonb_build_object('email', old.email), jsonb_build_object('email', new.email));
  end if;
  if new.encrypted_password is distinct from old.encrypted_password then
    perform ops_private.audit_account(new.id, new.email, 'account.password_changed');
  end if;
  return null;
end
$$;
create trigger account_changes_are_audited after update on auth.users for each row
  when (old.email is distinct from new.email or old.encrypted_password is distinct from new.encrypted_password) execute function ops_private.note_account_changes();
