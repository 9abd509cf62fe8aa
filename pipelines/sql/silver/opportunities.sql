select
  l.id as opportunity_id, l.name, l.type, coalesce(l.company_id, t.company_id) as company_id, l.partner_id, l.user_id as salesperson_id,
  coalesce(t.name ->> '$.en_US', (t.name ->> '$.*')[1]) as team, coalesce(s.name ->> '$.en_US', (s.name ->> '$.*')[1]) as stage, coalesce(s.is_won, false) as is_won,
  cast(l.expected_revenue as decimal(18, 2)) as expected_revenue, cast(l.probability as decimal(18, 4)) as probability_percent, l.date_deadline as deadline,
  l.date_closed as closed_at, coalesce(l.active, true) as active, l.create_date as created_at, l.write_date as updated_at
from bronze.crm_lead l
left join bronze.crm_stage s on s.id = l.stage_id
left join bronze.crm_team t on t.id = l.team_id
qualify row_number() over (partition by l.id order by l.write_date desc) = 1
