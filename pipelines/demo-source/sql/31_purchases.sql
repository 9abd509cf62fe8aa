-- Warehouses, then purchase orders of stored goods: one for every four sale orders.
insert into stock_location (id, name, complete_name, usage, location_id, parent_path, company_id, warehouse_id, scrap_location, create_date, write_date)
select id, name, path, usage, parent, ids, company, company, false, timestamp '2024-01-05 08:00:00', timestamp '2024-01-05 08:59:12.345678'
from (values
  (1, 'Physical Locations', 'Physical Locations', 'view', null::int, '1/', null::int), (2, 'Partners', 'Partners', 'view', null, '2/', null),
  (3, 'Vendors', 'Partners/Vendors', 'supplier', 2, '2/3/', null), (4, 'Customers', 'Partners/Customers', 'customer', 2, '2/4/', null),
  (10, 'LEU', 'LEU', 'view', 1, '1/10/', 1), (11, 'Stock', 'LEU/Stock', 'internal', 10, '1/10/11/', 1), (12, 'Shelf A', 'LEU/Stock/Shelf A', 'internal', 11, '1/10/11/12/', 1),
  (13, 'Inventory loss', 'Virtual/Inventory loss', 'inventory', null, '13/', 1), (14, 'Transit', 'Transit', 'transit', 1, '1/14/', 1),
  (20, 'BOS', 'BOS', 'view', 1, '1/20/', 2), (21, 'Stock', 'BOS/Stock', 'internal', 20, '1/20/21/', 2), (22, 'Shelf A', 'BOS/Stock/Shelf A', 'internal', 21, '1/20/21/22/', 2),
  (23, 'Inventory loss', 'Virtual/Inventory loss', 'inventory', null, '23/', 2)
) as l(id, name, path, usage, parent, ids, company);
insert into stock_warehouse (id, name, code, company_id, partner_id, view_location_id, lot_stock_id, reception_steps, delivery_steps, sequence, create_date, write_date)
values (1, 'Leuven', 'LEU', 1, 1, 10, 11, 'one_step', 'ship_only', 10, '2024-01-05 08:00:00', '2024-01-05 08:59:12.345678'),
  (2, 'Boston', 'BOS', 2, 2, 20, 21, 'one_step', 'ship_only', 20, '2024-01-05 08:00:00', '2024-01-05 08:59:12.345678');
insert into stock_picking_type (id, name, code, sequence_code, warehouse_id, company_id, default_location_src_id, default_location_dest_id, create_date, write_date)
select (c - 1) * 3 + k, name::jsonb, code, abbreviation, c, c, source, target, timestamp '2024-01-05 08:00:00', timestamp '2024-01-05 08:59:12.345678'
from generate_series(1, 2) as c, lateral (values (1, '{"en_US": "Receipts", "nl_BE": "Ontvangsten"}', 'incoming', 'IN', 3, c * 10 + 1),
  (2, '{"en_US": "Delivery orders", "fr_FR": "Livraisons"}', 'outgoing', 'OUT', c * 10 + 1, 4),
  (3, '{"en_US": "Internal transfers"}', 'internal', 'INT', c * 10 + 1, c * 10 + 2)) as t(k, name, code, abbreviation, source, target);

create temp table purchase as
select g as id, c as company_id, p.id as partner_id, cur as currency_id, r.rate, k.decimal_places as places, ordered, state,
  'P' || lpad(g::text, 5, '0') as name, 2 + pg_temp.roll(300, g, 7) as user_id, 2 + pg_temp.roll(301, g, 3) as term,
  state = 'purchase' and ordered::date + 5 + pg_temp.roll(302, g, 20) <= pg_temp.anchor() as received,
  ordered::date + 5 + pg_temp.roll(302, g, 20) as receipt_date,
  state = 'purchase' and ordered::date + 5 + pg_temp.roll(311, g, 30) <= pg_temp.anchor() as invoiced,
  ordered::date + 5 + pg_temp.roll(311, g, 30) as invoice_date
from generate_series(1, current_setting('demo.orders')::int / 4) as g
cross join lateral (select 1 + (pg_temp.roll(303, g, 3) = 0)::int,
  (pg_temp.anchor() - pg_temp.roll(304, g, 720)) + interval '7 hours' + pg_temp.roll(305, g, 40000) * interval '1 second') as x(c, ordered)
cross join lateral (select case when pg_temp.roll(306, g, 100) < 75 then c else 1 + pg_temp.roll(307, g, 4) end,
  (array['draft', 'cancel', 'purchase', 'purchase', 'purchase', 'purchase', 'purchase', 'purchase', 'purchase', 'purchase'])[1 + pg_temp.roll(308, g, 10)]) as y(cur, state)
join pool_size s on s.kind = 'supplier' and s.company_id = c
join pool p on p.kind = 'supplier' and p.company_id = c and p.position = pg_temp.roll(309, g, s.size)
join res_currency k on k.id = cur
join res_currency_rate r on r.company_id = c and r.currency_id = cur and r.name = date_trunc('month', ordered)::date
where pg_temp.roll(310, g, 40) > 0;
create unique index on purchase (id);

create temp table purchase_line as
select row_number() over (order by p.id, k) as id, p.id as order_id, k as position, p.company_id, p.places, p.rate, g.product_id, g.name,
  g.uom_id, qty, price, round(qty * price, p.places) as subtotal, (p.company_id - 1) * 4 + 3 as tax_id, tax.amount as tax_rate
from purchase p
cross join lateral generate_series(1, 1 + pg_temp.roll(320, p.id, 4)) as k
join goods_size z on z.company_id = p.company_id
join goods g on g.company_id = p.company_id and g.type = 'product' and g.type_position = pg_temp.roll(321, p.id * 8 + k, z.stored)
join account_tax tax on tax.id = (p.company_id - 1) * 4 + 3
-- bought at the standard cost give or take a tenth, in the supplier's currency
cross join lateral (select 10 + pg_temp.roll(322, p.id * 8 + k, 60),
  round(g.cost * p.rate * (90 + pg_temp.roll(323, p.id * 8 + k, 21)) / 100, p.places)) as q(qty, price);
create index on purchase_line (order_id);
analyze purchase; analyze purchase_line;

insert into purchase_order_line (id, order_id, sequence, company_id, partner_id, currency_id, product_id, product_uom, name, state,
  product_qty, product_uom_qty, price_unit, discount, price_subtotal, price_total, price_tax, qty_received, qty_invoiced, date_planned,
  create_date, write_date)
select l.id, l.order_id, l.position * 10, p.company_id, p.partner_id, p.currency_id, l.product_id, l.uom_id, l.name, p.state, l.qty, l.qty,
  l.price, 0, l.subtotal, l.subtotal + tax, tax, case when p.received then l.qty else 0 end,
  case when p.invoiced then l.qty else 0 end, p.receipt_date, p.ordered,
  pg_temp.touched(324, l.id, p.ordered)
from purchase_line l join purchase p on p.id = l.order_id
cross join lateral (select round(l.subtotal * l.tax_rate / 100, l.places)) as t(tax);
insert into purchase_order (id, name, company_id, partner_id, user_id, currency_id, currency_rate, payment_term_id, picking_type_id,
  partner_ref, state, invoice_status, receipt_status, amount_untaxed, amount_tax, amount_total, access_token, date_order, date_approve,
  date_planned, create_date, write_date)
select p.id, p.name, p.company_id, p.partner_id, p.user_id, p.currency_id, p.rate, p.term, (p.company_id - 1) * 3 + 1,
  case when p.id % 3 = 0 then 'REF-' || p.id end, p.state, case when p.invoiced then 'invoiced' when p.state = 'purchase' then 'to invoice' else 'no' end,
  case when p.received then 'full' when p.state = 'purchase' then 'pending' end, l.untaxed, l.tax, l.untaxed + l.tax,
  'never-land-purchase-' || p.id, p.ordered, case when p.state = 'purchase' then p.ordered end, p.receipt_date, p.ordered,
  pg_temp.touched(325, p.id, p.ordered)
from purchase p
join (select order_id, sum(subtotal) as untaxed, sum(round(subtotal * tax_rate / 100, places)) as tax from purchase_line group by 1) l
  on l.order_id = p.id;
