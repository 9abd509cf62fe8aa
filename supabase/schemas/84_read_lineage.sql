-- The graph around a dataset or a column, and the whole of it by pages.

-- The nodes with what they are made of: { node_id, namespace, name, dataset, layer, seen_at, distance, upstream, more_upstream, more_downstream }.
-- `distance` is below 0 upstream of the focus. `upstream` lists at most 200 sources, each with the job that told of it last.
create function ops_private.lineage_items(environment uuid, ids uuid[], distances int[]) returns jsonb language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(jsonb_build_object('node_id', n.node_id, 'namespace', n.namespace, 'name', n.name, 'dataset', own.name, 'layer', own.layer, 'seen_at', n.seen_at, 'distance', w.distance,
    'upstream', coalesce(up.sources, '[]'), 'upstream_count', coalesce(up.count, 0),
    'downstream_count', (select count(distinct e.target_id) from ops.lineage_edges as e where e.source_id = n.node_id)) order by w.at), '[]')
  from unnest(ids, distances) with ordinality as w (node_id, distance, at) join ops.lineage_datasets as n on n.node_id = w.node_id and n.environment_id = environment
  left join ops.datasets as own on own.environment_id = environment and n.namespace = ops_private.lineage_home(environment) and own.name = n.name
  left join lateral (
    select jsonb_agg(jsonb_build_object('node_id', s.source_id, 'job', s.job) order by s.seen_at desc, s.source_id) filter (where s.place <= 200) as sources, count(*) as count from (
      select distinct on (e.source_id) e.source_id, e.seen_at, j.name as job, dense_rank() over (order by e.source_id) as place
      from ops.lineage_edges as e join ops.lineage_jobs as j using (lineage_job_id) where e.target_id = n.node_id order by e.source_id, e.seen_at desc) as s) as up on true
$$;

-- The node that is meant: by its id, or by the name of a table of the lake. Raises not_found.
create function ops_private.lineage_focus(environment uuid, node uuid, dataset text) returns uuid language plpgsql stable security definer set search_path = '' as $$
declare
  found_node uuid := (select n.node_id from ops.lineage_datasets as n where n.environment_id = environment
    and (n.node_id = node or node is null and n.namespace = ops_private.lineage_home(environment) and n.name = dataset));
begin
  if found_node is null then
    perform ops_private.fail('not_found', 'The graph has no such dataset.');
  end if;
  return found_node;
end
$$;

-- read_lineage(environment_id, …): who sees the environment. Around a focus (node_id or dataset): what lies upstream, downstream or both, `depth` steps far, the nearest first. Without one: every
-- node whose name holds `search`, by name. At most `most` nodes after `after` (the last one's place); next is null at the end. An answer stops at 2,000 nodes of a side: `cut` says so.
create function ops_private.read_lineage(environment uuid, node uuid, dataset text, direction text, depth int, search text, most int, after text) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  focus uuid;
  ids uuid[];
  distances int[];
  frontier uuid[];
  side record;
  hop int;
  start int := coalesce(nullif(after, '')::int, 0);
  cut boolean := false;
  total int;
begin
  perform ops_private.require(environment, null, 'read lineage');
  if depth not between 0 and 20 or most not between 1 and 2000 or direction not in ('both', 'upstream', 'downstream') or start not between 0 and 1000000 then
    perform ops_private.fail('invalid_input', 'depth is 0 to 20, limit 1 to 2,000, direction both, upstream or downstream.');
  end if;
  if node is null and dataset is null then
    ids := array(select n.node_id from ops.lineage_datasets as n where n.environment_id = environment and (search is null or position(lower(search) in lower(n.name)) > 0 or position(lower(search) in n.namespace) > 0)
      order by n.namespace <> ops_private.lineage_home(environment), n.namespace, n.name offset start limit most + 1);
    distances := array_fill(0, array[cardinality(ids)]);
    total := start + cardinality(ids);
  else
    focus := ops_private.lineage_focus(environment, node, dataset);
    ids := array[focus];
    distances := array[0];
    for side in select s.up from (values (true), (false)) as s (up) where direction = 'both' or s.up = (direction = 'upstream') loop
      frontier := array[focus];
      for hop in 1..depth loop
        if side.up then
          frontier := array(select distinct e.source_id from ops.lineage_edges as e where e.target_id = any (frontier) and e.source_id <> all (ids) limit 2001);
        else
          frontier := array(select distinct e.target_id from ops.lineage_edges as e where e.source_id = any (frontier) and e.target_id <> all (ids) limit 2001);
        end if;
        exit when cardinality(frontier) = 0;
        if cardinality(ids) + cardinality(frontier) > 4001 then
          cut := true;
          exit;
        end if;
        ids := ids || frontier;
        distances := distances || array_fill(case when side.up then -hop else hop end, array[cardinality(frontier)]);
      end loop;
    end loop;
    select array_agg(w.id order by abs(w.distance), w.distance, w.id), array_agg(w.distance order by abs(w.distance), w.distance, w.id) into ids, distances from unnest(ids, distances) as w (id, distance);
    total := cardinality(ids);
    ids := ids[start + 1:start + most + 1];
    distances := distances[start + 1:start + most + 1];
  end if;
  return jsonb_build_object('focus', focus, 'cut', cut, 'next', case when cardinality(ids) > most then (start + most)::text end,
    'items', ops_private.lineage_items(environment, ids[1:most], distances[1:most]));
end
$$;

-- read_column_lineage(environment_id, …): as read_lineage, for a column; without one, every column of the dataset with its direct sources and what is made of it. What decides the dataset's rows stands under column ''.
create function ops_private.read_column_lineage(environment uuid, node uuid, dataset text, target text, direction text, depth int, most int) returns jsonb language plpgsql stable security definer set search_path = '' as $$
declare
  focus uuid;
  ids uuid[];
  names text[];
  distances int[];
  next_ids uuid[];
  next_names text[];
  front_ids uuid[];
  front_names text[];
  side record;
  hop int;
begin
  perform ops_private.require(environment, null, 'read lineage');
  if depth not between 0 and 20 or most not between 1 and 2000 or direction not in ('both', 'upstream', 'downstream') then
    perform ops_private.fail('invalid_input', 'depth is 0 to 20, limit 1 to 2,000, direction both, upstream or downstream.');
  end if;
  focus := ops_private.lineage_focus(environment, node, dataset);
  if target is null then
    names := array(select c.target_column from ops.lineage_columns as c where c.target_id = focus union select c.source_column from ops.lineage_columns as c where c.source_id = focus order by 1 limit most);
  else
    names := array[target];
  end if;
  ids := array_fill(focus, array[cardinality(names)]);
  distances := array_fill(0, array[cardinality(names)]);
  for side in select s.up from (values (true), (false)) as s (up) where direction = 'both' or s.up = (direction = 'upstream') loop
    front_ids := array_fill(focus, array[cardinality(names)]);
    front_names := names[1:cardinality(front_ids)];
    for hop in 1..depth loop
      select array_agg(x.id), array_agg(x.name) into next_ids, next_names from (
        select distinct case when side.up then c.source_id else c.target_id end as id, case when side.up then c.source_column else c.target_column end as name
        from unnest(front_ids, front_names) as f (id, name) join ops.lineage_columns as c
          on side.up and c.target_id = f.id and c.target_column = f.name or not side.up and c.source_id = f.id and c.source_column = f.name
        where c.environment_id = environment
        except select k.id, k.name from unnest(ids, names) as k (id, name)
        order by 1, 2 limit greatest(0, most - cardinality(ids))) as x;
      exit when next_ids is null;
      front_ids := next_ids;
      front_names := next_names;
      ids := ids || next_ids;
      names := names || next_names;
      distances := distances || array_fill(case when side.up then -hop else hop end, array[cardinality(next_ids)]);
    end loop;
    exit when cardinality(ids) >= most;
  end loop;
  return jsonb_build_object('focus', focus, 'cut', cardinality(ids) >= most, 'items', (
    select coalesce(jsonb_agg(jsonb_build_object('node_id', w.id, 'namespace', n.namespace, 'name', n.name, 'dataset', own.name, 'column', w.name, 'distance', w.distance,
      'upstream', (select coalesce(jsonb_agg(jsonb_build_object('node_id', c.source_id, 'column', c.source_column, 'kind', c.kind, 'direct', c.direct) order by not c.direct, c.source_id, c.source_column, c.kind), '[]')
        from (select distinct u.source_id, u.source_column, u.kind, u.direct from ops.lineage_columns as u where u.target_id = w.id and u.target_column = w.name limit 200) as c))
      order by abs(w.distance), w.distance, n.namespace, n.name, w.name), '[]')
    from unnest(ids, names, distances) as w (id, name, distance) join ops.lineage_datasets as n on n.node_id = w.id
    left join ops.datasets as own on own.environment_id = environment and n.namespace = ops_private.lineage_home(environment) and own.name = n.name));
end
$$;

create function ops.read_lineage(environment_id uuid, node_id uuid default null, dataset text default null, direction text default 'both', depth int default 1, search text default null, most int default 200, after text default null) returns jsonb
language sql stable set search_path = '' as 'select ops_private.read_lineage($1, $2, $3, $4, $5, $6, $7, $8)';
create function ops.read_column_lineage(environment_id uuid, node_id uuid default null, dataset text default null, column_name text default null, direction text default 'both', depth int default 1, most int default 500) returns jsonb
language sql stable set search_path = '' as 'select ops_private.read_column_lineage($1, $2, $3, $4, $5, $6, $7)';
grant execute on function ops_private.read_lineage(uuid, uuid, text, text, int, text, int, text), ops.read_lineage(uuid, uuid, text, text, int, text, int, text),
  ops_private.read_column_lineage(uuid, uuid, text, text, text, int, int), ops.read_column_lineage(uuid, uuid, text, text, text, int, int) to authenticated, ops_token;
