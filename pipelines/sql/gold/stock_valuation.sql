-- Quantity and value by the valuation layers, beside what the warehouses hold. They differ where goods were counted
-- before valuation was switched on, or belong to someone else: quantity_difference shows it.
with valued as (
  select company_id, product_id, sum(quantity) as quantity, sum(value) as value, count(*) as layers
  from silver.stock_valuation_layers
  group by company_id, product_id
),
held as (
  -- goods in transit between warehouses of a company still belong to it
  select company_id, product_id, sum(quantity) as quantity, sum(reserved_quantity) as reserved
  from silver.stock_quants
  where location_usage in ('internal', 'transit') and company_id is not null
  group by company_id, product_id
)
select
  coalesce(v.company_id, h.company_id) as company_id, c.name as company, c.currency as company_currency,
  coalesce(v.product_id, h.product_id) as product_id, p.default_code, p.name as product, p.category_path, p.uom,
  cast(coalesce(v.quantity, 0) as decimal(18, 4)) as quantity_valued, cast(coalesce(v.value, 0) as decimal(18, 2)) as value,
  cast(coalesce(h.quantity, 0) as decimal(18, 4)) as quantity_on_hand, cast(coalesce(h.reserved, 0) as decimal(18, 4)) as quantity_reserved,
  cast(coalesce(h.quantity, 0) - coalesce(v.quantity, 0) as decimal(18, 4)) as quantity_difference,
  coalesce(v.layers, 0) as layers
from valued v
full join held h on h.company_id = v.company_id and h.product_id = v.product_id
left join silver.companies c on c.company_id = coalesce(v.company_id, h.company_id)
left join silver.products p on p.product_id = coalesce(v.product_id, h.product_id)
