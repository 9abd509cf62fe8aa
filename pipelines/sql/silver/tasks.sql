select
  t.id as task_id, t.name, t.project_id, coalesce(p.name ->> '$.en_US', (p.name ->> '$.*')[1]) as project, coalesce(t.company_id, p.company_id) as company_id,
  coalesce(t.partner_id, p.partner_id) as partner_id, t.state, cast(t.allocated_hours as decimal(18, 2)) as allocated_hours, t.date_deadline as deadline_at,
  t.date_end as ended_at, coalesce(t.active, true) as active, t.create_date as created_at, t.write_date as updated_at
from bronze.project_task t
left join bronze.project_project p on p.id = t.project_id
qualify row_number() over (partition by t.id order by t.write_date desc) = 1
