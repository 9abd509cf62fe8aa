-- Who answers for what in a project (table B): areas with their owners, signals, channels, and the rules that bring each signal to an area. The first rule that holds
-- decides. Written as a whole by apply_control_plane (92_control_plane.sql), in the form of contracts/routing.ts; read by whatever sends a signal.
create table ops.routing_areas (
  project_id uuid not null references ops.projects,
  area text not null constraint area_is_a_word check (area ~ '^[a-z][a-z0-9_]{0,62}$'),
  title text not null,
  primary_owner text not null constraint primary_is_an_alias check (primary_owner ~ '^[a-z][a-z0-9-]{0,38}$'),
  secondary_owner text not null constraint secondary_is_an_alias check (secondary_owner ~ '^[a-z][a-z0-9-]{0,38}$'),
  surface text not null,
  paths text[] not null,
  primary key (project_id, area),
  constraint nobody_falls_back_to_themselves check (primary_owner <> secondary_owner)
);
create table ops.routing_channels (
  project_id uuid not null references ops.projects,
  channel text not null constraint channel_is_a_word check (channel ~ '^[a-z][a-z0-9_]{0,62}$'),
  kind text not null constraint channel_kind_is_known check (kind in ('webhook', 'pull_request', 'issue')),
  title text not null,
  primary key (project_id, channel)
);
create table ops.routing_signals (
  project_id uuid not null references ops.projects,
  signal text not null constraint signal_is_noun_and_verb check (signal ~ '^[a-z]+\.[a-z_]+$'),
  title text not null,
  severity text not null constraint signal_severity_is_known check (severity in ('info', 'warning', 'critical')),
  source text not null,
  primary key (project_id, signal)
);
-- The rules in their order. What a rule does not name (null) holds always.
create table ops.routing_matrix (
  project_id uuid not null references ops.projects,
  position int not null,
  name text not null constraint rule_is_a_word check (name ~ '^[a-z][a-z0-9_]{0,62}$'),
  signals text[] constraint signals_are_some check (cardinality(signals) >= 1),
  layers text[] constraint layers_are_known check (cardinality(layers) >= 1 and layers <@ '{bronze,silver,gold,none}'),
  environments text[] constraint environments_are_some check (cardinality(environments) >= 1),
  area text not null,
  channel text not null,
  primary key (project_id, position),
  constraint rule_name_is_unique_in_its_project unique (project_id, name),
  constraint a_rule_leads_to_an_area foreign key (project_id, area) references ops.routing_areas,
  constraint a_rule_leads_to_a_channel foreign key (project_id, channel) references ops.routing_channels
);
create index routing_matrix_by_area on ops.routing_matrix (project_id, area);
create index routing_matrix_by_channel on ops.routing_matrix (project_id, channel);

do $$
declare
  name text;
begin
  foreach name in array array['routing_areas', 'routing_channels', 'routing_signals', 'routing_matrix'] loop
    execute format('alter table ops.%I enable row level security', name);
    execute format('alter table ops.%I force row level security', name);
    execute format('create policy members_see_their_projects on ops.%I for select to authenticated, ops_token, ops_sql using (project_id = any ((select ops_private.visible_projects())::uuid[]))', name);
    execute format('grant select on ops.%I to authenticated, ops_token, ops_sql', name);
  end loop;
end
$$;

-- The matrix of a project as contracts/routing.ts has it; null where it has none.
create function ops_private.routing(project uuid) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'areas', (select jsonb_object_agg(a.area, jsonb_build_object('title', a.title, 'primary', a.primary_owner, 'secondary', a.secondary_owner, 'surface', a.surface, 'paths', a.paths))
      from ops.routing_areas as a where a.project_id = routing.project),
    'channels', (select jsonb_object_agg(c.channel, jsonb_build_object('kind', c.kind, 'title', c.title)) from ops.routing_channels as c where c.project_id = routing.project),
    'signals', (select jsonb_object_agg(s.signal, jsonb_build_object('title', s.title, 'severity', s.severity, 'source', s.source)) from ops.routing_signals as s where s.project_id = routing.project),
    'rules', jsonb_agg(jsonb_build_object('name', m.name, 'when', jsonb_strip_nulls(jsonb_build_object('signal', m.signals, 'layer', m.layers, 'environment', m.environments)),
      'area', m.area, 'channel', m.channel) order by m.position))
  from ops.routing_matrix as m where m.project_id = routing.project having count(*) > 0
$$;

-- Which rule takes what: a row for every signal, layer and environment that the rules tell apart; environments that none of them names are one, `other`. A rule is null
-- where none holds.
create function ops_private.routes(project uuid) returns table (signal text, layer text, environment text, rule int) language sql stable security definer set search_path = '' as $$
  select s.signal, l.layer, e.environment, (
    select min(m.position) from ops.routing_matrix as m where m.project_id = routes.project
      and (m.signals is null or s.signal = any (m.signals)) and (m.layers is null or l.layer = any (m.layers)) and (m.environments is null or e.environment = any (m.environments)))
  from ops.routing_signals as s cross join unnest('{bronze,silver,gold,none}'::text[]) as l (layer)
  cross join (select 'other' union select unnest(m.environments) from ops.routing_matrix as m where m.project_id = routes.project) as e (environment)
  where s.project_id = routes.project
$$;

-- What the rules say of a signal, to be sent with it: { rule, area, channel, severity, primary, secondary }. Null where the project has no matrix, or no such signal.
create function ops_private.route(project uuid, signal text, layer text, environment text) returns jsonb language sql stable security definer set search_path = '' as $$
  select jsonb_build_object('rule', m.name, 'area', m.area, 'channel', m.channel, 'severity', s.severity, 'primary', a.primary_owner, 'secondary', a.secondary_owner)
  from ops.routing_signals as s join ops.routing_matrix as m using (project_id) join ops.routing_areas as a using (project_id, area)
  where s.project_id = route.project and s.signal = route.signal
    and (m.signals is null or route.signal = any (m.signals)) and (m.layers is null or coalesce(route.layer, 'none') = any (m.layers))
    and (m.environments is null or case when exists (select from ops.routing_matrix as o where o.project_id = route.project and route.environment = any (o.environments))
      then route.environment else 'other' end = any (m.environments))
  order by m.position limit 1
$$;

-- Refuses a stored matrix in which a rule is never asked, or a signal comes to nobody. The bounds keep the product of its parts small.
create function ops_private.check_routing(project uuid) returns void language plpgsql stable security definer set search_path = '' as $$
declare
  wrong text;
begin
  if (select count(*) from ops.routing_matrix as m where m.project_id = project) > 100 or (select count(*) from ops.routing_signals as s where s.project_id = project) > 100
    or (select count(distinct e) from ops.routing_matrix as m, unnest(m.environments) as e where m.project_id = project) > 20 then
    perform ops_private.fail('invalid_input', 'A routing matrix has at most 100 rules and 100 signals, and tells at most 20 environments apart.');
  end if;
  select string_agg(distinct u.signal, ', ') into wrong from ops.routing_matrix as m, unnest(m.signals) as u (signal)
  where m.project_id = project and not exists (select from ops.routing_signals as s where s.project_id = project and s.signal = u.signal);
  if wrong is not null then
    perform ops_private.fail('invalid_input', format('Rules name signals that are not there: %s.', wrong));
  end if;
  select string_agg(m.name, ', ' order by m.position) into wrong from ops.routing_matrix as m where m.project_id = project and not m.position in (select r.rule from ops_private.routes(project) as r where r.rule is not null);
  if wrong is not null then
    perform ops_private.fail('invalid_input', format('Rules are never asked: %s.', wrong), 'Rules before them decide all that they hold for.');
  end if;
  select string_agg(distinct r.signal, ', ') into wrong from ops_private.routes(project) as r where r.rule is null;
  if wrong is not null then
    perform ops_private.fail('invalid_input', format('Signals come to nobody: %s.', wrong), 'Let a last rule without conditions take them.');
  end if;
end
$$;

-- Makes the matrix of a project what `wanted` says; null removes it. Called by change_control_plane, which has asked for the role. Raises invalid_input.
create function ops_private.put_routing(project uuid, wanted jsonb) returns void language plpgsql security definer set search_path = '' as $$
declare
  old jsonb := ops_private.routing(project);
begin
  delete from ops.routing_matrix as m where m.project_id = project;
  delete from ops.routing_areas as a where a.project_id = project;
  delete from ops.routing_channels as c where c.project_id = project;
  delete from ops.routing_signals as s where s.project_id = project;
  if wanted is not null then
    begin
      insert into ops.routing_areas (project_id, area, title, primary_owner, secondary_owner, surface, paths)
      select project, a.key, a.value ->> 'title', a.value ->> 'primary', a.value ->> 'secondary', a.value ->> 'surface', array(select jsonb_array_elements_text(a.value -> 'paths')) from jsonb_each(wanted -> 'areas') as a;
      insert into ops.routing_channels (project_id, channel, kind, title) select project, c.key, c.value ->> 'kind', c.value ->> 'title' from jsonb_each(wanted -> 'channels') as c;
      insert into ops.routing_signals (project_id, signal, title, severity, source)
      select project, s.key, s.value ->> 'title', s.value ->> 'severity', s.value ->> 'source' from jsonb_each(wanted -> 'signals') as s;
      insert into ops.routing_matrix (project_id, position, name, signals, layers, environments, area, channel)
      select project, r.position, r.rule ->> 'name', ops_private.texts_of(r.rule -> 'when' -> 'signal'), ops_private.texts_of(r.rule -> 'when' -> 'layer'), ops_private.texts_of(r.rule -> 'when' -> 'environment'),
        r.rule ->> 'area', r.rule ->> 'channel' from jsonb_array_elements(wanted -> 'rules') with ordinality as r (rule, position);
    exception when integrity_constraint_violation or invalid_parameter_value then
      perform ops_private.fail('invalid_input', format('The routing matrix is not right: %s.', sqlerrm));
    end;
    perform ops_private.check_routing(project);
  end if;
  perform ops_private.audit(null, 'routing.saved', 'project', project::text, old, ops_private.routing(project), project);
end
$$;
create function ops_private.texts_of(list jsonb) returns text[] language sql immutable set search_path = '' as $$
  select case when list is not null then array(select jsonb_array_elements_text(list)) end
$$;
