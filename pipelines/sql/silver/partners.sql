-- company_id null: shared by all companies. Archived partners stay, with active = false: documents still name them.
with tags as (
  select
    r.partner_id,
    string_agg(coalesce(t.name ->> '$.en_US', (t.name ->> '$.*')[1]), ', ' order by t.id) as tags
  from bronze.res_partner_res_partner_category_rel r
  join bronze.res_partner_category t on t.id = r.category_id
  group by r.partner_id
)
select
  p.id as partner_id, coalesce(p.complete_name, p.name, p.email, 'Partner ' || p.id) as name,
  coalesce(p.is_company, false) as is_company, p.parent_id as parent_partner_id,
  coalesce(p.commercial_partner_id, p.id) as commercial_partner_id, p.company_id, p.user_id as salesperson_id,
  n.code as country_code, coalesce(n.name ->> '$.en_US', (n.name ->> '$.*')[1]) as country,
  p.city, p.zip, p.street, p.lang as language, p.vat, p.ref, p.email, p.phone, t.tags,
  coalesce(p.customer_rank, 0) > 0 as is_customer, coalesce(p.supplier_rank, 0) > 0 as is_supplier,
  coalesce(p.active, true) as active, p.create_date as created_at, p.write_date as updated_at
from bronze.res_partner p
left join bronze.res_country n on n.id = p.country_id
left join tags t on t.partner_id = p.id
qualify row_number() over (partition by p.id order by p.write_date desc) = 1
