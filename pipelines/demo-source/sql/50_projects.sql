-- Projects and their tasks; a task without a company takes its project's.
insert into project_project (id, name, company_id, partner_id, user_id, date_start, date, privacy_visibility, access_token, active, create_date, write_date)
select g, jsonb_build_object('en_US', 'Project ' || g, 'fr_FR', 'Projet ' || g), case when g % 4 > 0 then 1 + g % 2 end, p.id, 2 + g % 7, date '2025-01-01' + g * 11,
  date '2025-06-01' + g * 11, 'portal', 'never-land-project-' || g, g % 9 <> 0, date '2025-01-01' + g * 11 + time '08:00:00',
  pg_temp.touched(600, g, date '2025-01-01' + g * 11 + time '08:00:00')
from generate_series(1, 20) as g join pool p on p.kind = 'customer' and p.company_id = 1 and p.position = g;
insert into project_task (id, name, project_id, company_id, partner_id, parent_id, stage_id, state, priority, description, date_deadline, date_end, allocated_hours,
  access_token, active, create_date, write_date)
select g, 'Task ' || g, project.id, case when g % 3 = 0 then project.company_id end, project.partner_id, null, 1 + g % 4,
  (array['01_in_progress', '02_changes_requested', '03_approved', '1_done', '1_canceled'])[1 + pg_temp.roll(601, g, 5)], (g % 2)::text, '<p>Do ' || g || '</p>',
  created + interval '14 days', case when g % 3 = 1 then created + interval '10 days' end, pg_temp.roll(602, g, 160) / 4.0, 'never-land-task-' || g, g % 17 <> 0,
  created, pg_temp.touched(603, g, created)
from generate_series(1, current_setting('demo.orders')::int / 8) as g
join project_project project on project.id = 1 + pg_temp.roll(604, g, 20)
cross join lateral (select pg_temp.anchor() - pg_temp.roll(605, g, 600) + time '08:30:00') as c(created)
where pg_temp.roll(606, g, 25) > 0;
