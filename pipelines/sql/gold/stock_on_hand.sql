-- What each place holds. A place is a location of usage internal or transit.
select
  q.company_id, q.location_id, q.product_id, any_value(c.name) as company, any_value(l.name) as location, any_value(l.warehouse_code) as warehouse_code,
  any_value(p.name) as product, any_value(p.category_path) as category_path, any_value(p.uom) as uom,
  cast(sum(q.quantity) as decimal(18, 4)) as quantity, cast(sum(q.reserved_quantity) as decimal(18, 4)) as reserved_quantity
from silver.stock_quants q
left join silver.companies c on c.company_id = q.company_id
left join silver.stock_locations l on l.location_id = q.location_id
left join silver.products p on p.product_id = q.product_id
where q.location_usage in ('internal', 'transit') and q.company_id is not null
group by q.company_id, q.location_id, q.product_id
