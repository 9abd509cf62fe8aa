-- While rows are made, the user columns and the archive flag default; Odoo itself sets them, so the defaults go again.
do $do$
declare c record;
begin
  for c in
    select table_name, column_name, case data_type when 'boolean' then 'true' else '1' end as value
    from information_schema.columns
    where table_schema = 'public' and column_name in ('create_uid', 'write_uid', 'active')
  loop
    execute format('alter table public.%I alter column %I set default %s', c.table_name, c.column_name, c.value);
  end loop;
end $do$;
