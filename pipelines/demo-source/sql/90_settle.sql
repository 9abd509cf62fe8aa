-- Leaves the database as Odoo would: no defaults beyond the ids, sequences past the highest id, fresh statistics.
do $do$
declare c record;
begin
  for c in
    select table_name, column_name from information_schema.columns
    where table_schema = 'public' and column_name in ('create_uid', 'write_uid', 'active')
  loop
    execute format('alter table public.%I alter column %I drop default', c.table_name, c.column_name);
  end loop;
  for c in
    select table_name from information_schema.columns
    where table_schema = 'public' and column_name = 'id'
  loop
    execute format('select setval(pg_get_serial_sequence(%L, ''id''), (select coalesce(max(id), 0) + 1 from public.%I), false)',
      'public.' || c.table_name, c.table_name);
  end loop;
end $do$;
analyze;
