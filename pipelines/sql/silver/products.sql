-- one row per variant; what variants share comes from the template
select
  p.id as product_id, p.product_tmpl_id as template_id,
  coalesce(t.name ->> '$.en_US', (t.name ->> '$.*')[1]) as name, t.name as name_translations,
  coalesce(p.default_code, t.default_code) as default_code, p.barcode, t.detailed_type as product_type,
  t.categ_id as category_id, c.name as category, coalesce(c.complete_name, c.name) as category_path,
  t.uom_id, coalesce(u.name ->> '$.en_US', (u.name ->> '$.*')[1]) as uom, cast(u.factor as decimal(28, 18)) as uom_factor,
  cast(t.list_price as decimal(18, 4)) as list_price, t.company_id,
  coalesce(p.active, true) and coalesce(t.active, true) as active,
  p.create_date as created_at, greatest(p.write_date, t.write_date) as updated_at
from bronze.product_product p
left join bronze.product_template t on t.id = p.product_tmpl_id
left join bronze.product_category c on c.id = t.categ_id
left join bronze.uom_uom u on u.id = t.uom_id
qualify row_number() over (partition by p.id order by p.write_date desc) = 1
