-- work columns only; private ones never land in bronze
select
  e.id as employee_id, e.name, e.company_id, e.department_id, coalesce(d.name ->> '$.en_US', (d.name ->> '$.*')[1]) as department,
  coalesce(j.name ->> '$.en_US', (j.name ->> '$.*')[1]) as job, e.job_title, e.work_email, e.parent_id as superior_id, e.user_id,
  e.employee_type, coalesce(e.active, true) as active, e.create_date as created_at, e.write_date as updated_at
from bronze.hr_employee e
left join bronze.hr_department d on d.id = e.department_id
left join bronze.hr_job j on j.id = e.job_id
qualify row_number() over (partition by e.id order by e.write_date desc) = 1
