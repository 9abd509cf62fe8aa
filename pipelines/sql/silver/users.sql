-- a user's name is its partner's; passwords and second factors never land in bronze
select
  u.id as user_id, u.login, coalesce(p.name, u.login) as name, u.partner_id, u.company_id,
  coalesce(u.active, true) as active, coalesce(u.share, false) as is_external, u.create_date as created_at, u.write_date as updated_at
from bronze.res_users u
left join bronze.res_partner p on p.id = u.partner_id
qualify row_number() over (partition by u.id order by u.write_date desc) = 1
