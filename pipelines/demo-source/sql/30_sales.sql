-- Teams, leads and sale orders over the two years before the anchor; all drawn by roll, set by set.
insert into crm_team (id, name, company_id, user_id, sequence, create_date, write_date)
select k, name::jsonb, company, 1 + k, k, timestamp '2024-01-05 08:00:00', timestamp '2024-01-05 08:59:12.345678'
from (values (1, '{"en_US": "Europe", "nl_BE": "Europa"}', null::int), (2, '{"en_US": "Website"}', 1), (3, '{"en_US": "Americas"}', 2)) as t(k, name, company);
insert into crm_stage (id, name, sequence, is_won, fold, create_date, write_date)
select k, name::jsonb, k, k = 4, false, timestamp '2024-01-05 08:00:00', timestamp '2024-01-05 08:59:12.345678'
from (values (1, '{"en_US": "New", "fr_FR": "Nouveau"}'), (2, '{"en_US": "Qualified"}'), (3, '{"en_US": "Proposition", "nl_BE": "Voorstel"}'), (4, '{"en_US": "Won", "fr_FR": "Gagné"}')) as s(k, name);

insert into crm_lead (id, name, type, company_id, partner_id, user_id, team_id, stage_id, contact_name, email_from, phone, priority,
  expected_revenue, probability, date_deadline, date_open, date_closed, active, create_date, write_date)
select g, 'Interest in ' || (array['tools', 'a workshop', 'machines', 'a frame contract'])[1 + pg_temp.roll(200, g, 4)] || ' #' || g,
  case when stage = 1 and g % 2 = 0 then 'lead' else 'opportunity' end, c, case when stage > 1 then p.id end, 2 + pg_temp.roll(201, g, 7),
  case c when 1 then 1 + g % 2 else 3 end, stage, 'Contact ' || g, 'lead' || g || '@customer.example', '+32 2 ' || (2000000 + g),
  pg_temp.roll(202, g, 4)::text, 500 + pg_temp.roll(203, g, 50000), case when stage = 4 then 100 else pg_temp.roll(204, g, 900) / 10.0 end,
  created::date + 30, created + interval '1 day', case when stage = 4 then created + interval '20 days' end,
  pg_temp.roll(205, g, 10) > 0, created, pg_temp.touched(206, g, created)
from generate_series(1, current_setting('demo.orders')::int / 4) as g
cross join lateral (select 1 + (pg_temp.roll(207, g, 3) = 0)::int, 1 + pg_temp.roll(208, g, 4),
  pg_temp.anchor() - pg_temp.roll(209, g, 700) + pg_temp.roll(210, g, 80000) * interval '1 second') as x(c, stage, created)
join pool_size s on s.kind = 'customer' and s.company_id = c
join pool p on p.kind = 'customer' and p.company_id = c and p.position = pg_temp.roll(211, g, s.size)
where pg_temp.roll(212, g, 30) > 0;

-- One row per order with everything later steps need. Ids have gaps: those orders were deleted.
create temp table sale as
select g as id, c as company_id, p.id as partner_id, cur as currency_id, r.rate, k.decimal_places as places, ordered, state,
  'S' || lpad(g::text, 5, '0') as name, 2 + pg_temp.roll(220, g, 7) as user_id, 1 + pg_temp.roll(221, g, 4) as term,
  state = 'sale' and pg_temp.roll(222, g, 10) > 0 and ordered::date + pg_temp.roll(223, g, 8) <= pg_temp.anchor() as delivered,
  ordered::date + pg_temp.roll(223, g, 8) as delivery_date,
  state = 'sale' and pg_temp.roll(250, g, 100) < 88 and ordered::date + pg_temp.roll(251, g, 12) <= pg_temp.anchor() as invoiced,
  ordered::date + pg_temp.roll(251, g, 12) as invoice_date
from generate_series(1, current_setting('demo.orders')::int) as g
cross join lateral (select 1 + (pg_temp.roll(224, g, 3) = 0)::int,
  (pg_temp.anchor() - pg_temp.roll(225, g, 730)) + interval '6 hours' + pg_temp.roll(226, g, 50000) * interval '1 second',
  pg_temp.roll(227, g, 100)) as x(c, ordered, luck)
cross join lateral (select case when pg_temp.roll(228, g, 100) < 82 then c else 1 + pg_temp.roll(229, g, 5) end,
  case when luck < 7 then 'draft' when luck < 12 then 'sent' when luck < 18 then 'cancel' else 'sale' end) as y(cur, state)
join pool_size s on s.kind = 'customer' and s.company_id = c
-- the square of a uniform draw: few customers order much, most order little
join pool p on p.kind = 'customer' and p.company_id = c
  and p.position = (pg_temp.roll(230, g, s.size)::bigint * pg_temp.roll(231, g, s.size) / s.size)
join res_currency k on k.id = cur
join res_currency_rate r on r.company_id = c and r.currency_id = cur and r.name = date_trunc('month', ordered)::date
where pg_temp.roll(232, g, 40) > 0;
create unique index on sale (id);
analyze sale;

create temp table sale_line as
select row_number() over (order by s.id, k) as id, s.id as order_id, k as position, s.company_id, s.places, s.rate, d.section,
  case when not d.section then g.product_id end as product_id, g.name, g.type, g.cost,
  case when d.section then 0 else d.qty end as qty, case when d.section then null when d.dozen then 2 else g.uom_id end as uom_id,
  case when d.section then 0 else price end as price, d.discount,
  case when d.section then 0 else round(d.qty * price * (100 - d.discount) / 100, s.places) end as subtotal,
  tax.id as tax_id, tax.amount as tax_rate
from sale s
cross join lateral generate_series(1, 1 + pg_temp.roll(240, s.id, 5)) as k
join goods_size z on z.company_id = s.company_id
join goods g on g.company_id = s.company_id and g.position = pg_temp.roll(241, s.id * 8 + k, z.size)
cross join lateral (select k = 3 and pg_temp.roll(242, s.id, 10) = 0, 1 + pg_temp.roll(243, s.id * 8 + k, 12),
  g.uom_id = 1 and pg_temp.roll(244, s.id * 8 + k, 25) = 0, (array[0, 0, 0, 0, 5, 10, 2.5])[1 + pg_temp.roll(245, s.id * 8 + k, 7)]
  ) as d(section, qty, dozen, discount)
cross join lateral (select round(g.list_price * s.rate * case when d.dozen then 11 else 1 end, s.places)) as q(price)
left join account_tax tax on not d.section
  and tax.id = (s.company_id - 1) * 4 + (array[1, 1, 1, 2, 4])[1 + pg_temp.roll(246, s.id * 8 + k, 5)];
create index on sale_line (order_id);
analyze sale_line;

insert into sale_order_line (id, order_id, sequence, company_id, currency_id, order_partner_id, salesman_id, product_id, product_uom, name,
  state, display_type, product_uom_qty, price_unit, discount, price_subtotal, price_total, price_tax, qty_delivered, qty_invoiced,
  qty_to_invoice, analytic_distribution, is_downpayment, customer_lead, create_date, write_date)
select l.id, l.order_id, l.position * 10, s.company_id, s.currency_id, s.partner_id, s.user_id, l.product_id, l.uom_id,
  case when l.section then 'Section' else l.name end, s.state, case when l.section then 'line_section' end, l.qty, l.price, l.discount,
  l.subtotal, l.subtotal + tax, tax, case when s.delivered then l.qty else 0 end,
  case when s.invoiced then l.qty else 0 end, case when s.invoiced or s.state <> 'sale' then 0 else l.qty end,
  case when l.id % 9 = 0 then '{"1": 60.0, "2": 40.0}'::jsonb end, false, 0, s.ordered, pg_temp.touched(247, l.id, s.ordered)
from sale_line l join sale s on s.id = l.order_id
cross join lateral (select round(l.subtotal * coalesce(l.tax_rate, 0) / 100, l.places)) as t(tax);
insert into account_tax_sale_order_line_rel (sale_order_line_id, account_tax_id)
select id, tax_id from sale_line where tax_id is not null;

insert into sale_order (id, name, company_id, partner_id, partner_invoice_id, partner_shipping_id, user_id, team_id, currency_id,
  currency_rate, payment_term_id, warehouse_id, client_order_ref, state, invoice_status, delivery_status, picking_policy,
  amount_untaxed, amount_tax, amount_total, locked, note, access_token, date_order, validity_date, commitment_date, create_date, write_date)
select s.id, s.name, s.company_id, s.partner_id, s.partner_id, s.partner_id, s.user_id, case s.company_id when 1 then 1 + s.id % 2 else 3 end,
  s.currency_id, s.rate, s.term, s.company_id, case when s.id % 6 = 0 then 'PO/' || s.id end, s.state,
  case when s.invoiced then 'invoiced' when s.state = 'sale' then 'to invoice' else 'no' end, case when s.delivered then 'full' when s.state = 'sale' then 'pending' end, 'direct',
  l.untaxed, l.tax, l.untaxed + l.tax, false, case when s.id % 20 = 0 then '<p>Deliver to gate "B", please</p>' end,
  'never-land-order-' || s.id, s.ordered, s.ordered::date + 30, case when s.id % 3 > 0 then s.ordered::date + 7 + time '12:00:00' end, s.ordered, pg_temp.touched(248, s.id, s.ordered)
from sale s
join (select order_id, sum(subtotal) as untaxed, sum(round(subtotal * coalesce(tax_rate, 0) / 100, places)) as tax
  from sale_line group by 1) l on l.order_id = s.id;
