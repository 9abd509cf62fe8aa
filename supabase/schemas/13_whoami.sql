-- whoami(): the caller and the environments it sees. Anybody with an identity.
create function ops_private.whoami() returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  me ops_private.principal := ops_private.me();
begin
  if me.type is null then
    perform ops_private.fail('unauthenticated');
  end if;
  return jsonb_build_object('type', me.type, 'id', me.id, 'name', coalesce(me.name, ''), 'environments', coalesce((
    select jsonb_agg(jsonb_build_object(
      'environment_id', v.environment_id, 'slug', e.slug, 'name', e.name, 'project_id', v.project_id, 'project_slug', p.slug, 'project_name', p.name,
      'organization_id', v.organization_id, 'organization_slug', o.slug, 'organization_name', o.name,
      'role', (array['viewer', 'operator', 'editor', 'admin', 'owner'])[nullif(v.rank, 0)]) order by o.slug, p.slug, e.created_at, e.slug)
    from ops_private.my_environments() as v
    join ops.environments as e using (environment_id)
    join ops.projects as p on p.project_id = v.project_id
    join ops.organizations as o on o.organization_id = v.organization_id), '[]'));
end
$$;
create function ops.whoami() returns jsonb language sql stable set search_path = '' as 'select ops_private.whoami()';
grant execute on function ops_private.whoami(), ops.whoami() to authenticated, ops_token;
