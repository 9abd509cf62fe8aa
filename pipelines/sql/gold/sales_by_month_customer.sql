-- Confirmed sales by month of the order (UTC) and paying customer, in the company's currency at the order's own rate.
select
  cast(date_trunc('month', o.order_date) as date) as month, o.company_id, any_value(c.name) as company, any_value(c.currency) as company_currency,
  coalesce(p.commercial_partner_id, o.partner_id) as customer_id, coalesce(any_value(cp.name), 'Partner ' || coalesce(p.commercial_partner_id, o.partner_id)) as customer,
  any_value(cp.country_code) as country_code, count(distinct o.order_id) as orders, count(*) as lines,
  cast(sum(l.product_quantity) as decimal(18, 4)) as quantity, cast(sum(l.untaxed_company) as decimal(18, 2)) as untaxed_company
from silver.sales_orders o
join silver.sales_order_lines l on l.order_id = o.order_id
left join silver.companies c on c.company_id = o.company_id
left join silver.partners p on p.partner_id = o.partner_id
left join silver.partners cp on cp.partner_id = coalesce(p.commercial_partner_id, o.partner_id)
where o.state in ('sale', 'done')
group by date_trunc('month', o.order_date), o.company_id, coalesce(p.commercial_partner_id, o.partner_id)
