-- Deliveries and receipts become pickings, moves, valuation layers and quants; an opening count keeps every quantity at or above zero.
create temp table pick as
select row_number() over (order by kind, order_id) as id, *, kind || '/' || lpad(row_number() over (partition by company_id, kind order by order_id)::text, 5, '0') as reference
from (
  select 'OUT' as kind, id as order_id, company_id, partner_id, name as origin, delivery_date + time '15:00:00' as done, (company_id - 1) * 3 + 2 as type_id,
    company_id * 10 + 1 as source, 4 as target from sale where delivered
  union all
  select 'IN', id, company_id, partner_id, name, receipt_date + time '10:00:00', (company_id - 1) * 3 + 1, 3, company_id * 10 + 1 from purchase where received
) as p;
create index on pick (kind, order_id);
analyze pick;
insert into stock_picking (id, name, origin, company_id, partner_id, picking_type_id, location_id, location_dest_id, move_type, state, sale_id,
  scheduled_date, date_deadline, date_done, create_date, write_date)
select id, case company_id when 1 then 'LEU/' else 'BOS/' end || reference, origin, company_id, partner_id, type_id, source, target, 'direct', 'done',
  -- one in five is late, by up to six days; the others come on the day or a little before
  case kind when 'OUT' then order_id end, done, done::date + case pg_temp.roll(405, id, 5) when 0 then -1 - pg_temp.roll(406, id, 6) else pg_temp.roll(406, id, 3) end + time '18:00:00', done, done,
  pg_temp.touched(400, id, done)
from pick;

-- Quantities in the product's own unit; twelve to the dozen.
create temp table move as
select row_number() over (order by done, kind, line_id) + (select count(*) from goods where type = 'product') as id, *
from (
  select 'OUT' as kind, l.id as line_id, p.id as pick_id, l.company_id, l.product_id, l.qty * case l.uom_id when 2 then 12 else 1 end as qty, l.qty as uom_qty,
    l.uom_id, l.cost as unit_cost, p.done, p.source, p.target, p.partner_id, p.type_id, p.origin, p.reference, l.name
  from sale_line l join pick p on p.kind = 'OUT' and p.order_id = l.order_id where l.type = 'product' and not l.section
  union all
  select 'IN', l.id, p.id, l.company_id, l.product_id, l.qty, l.qty, l.uom_id, round(l.price / l.rate, 2), p.done, p.source, p.target,
    p.partner_id, p.type_id, p.origin, p.reference, l.name
  from purchase_line l join pick p on p.kind = 'IN' and p.order_id = l.order_id
) as m
union all
-- the opening count: what was ever missing, plus a little
select row_number() over (order by g.company_id, g.product_id), 'COUNT', null, null, g.company_id, g.product_id,
  greatest(0, coalesce(m.net_out, 0)) + pg_temp.roll(401, g.product_id * 2 + g.company_id, 40), 0, g.uom_id, g.cost,
  timestamp '2024-10-01 06:00:00', g.company_id * 10 + 3, g.company_id * 10 + 1, null, null, null, 'Product Quantity Updated', g.name
from goods g
left join (
  select company_id, product_id, sum(case kind when 'OUT' then qty else -qty end) as net_out
  from (
    select 'OUT' as kind, l.company_id, l.product_id, l.qty * case l.uom_id when 2 then 12 else 1 end as qty
    from sale_line l join sale s on s.id = l.order_id where s.delivered and l.type = 'product' and not l.section
    union all
    select 'IN', l.company_id, l.product_id, l.qty from purchase_line l join purchase p on p.id = l.order_id where p.received
  ) as x group by 1, 2
) as m using (company_id, product_id)
where g.type = 'product';
create index on move (company_id, product_id);
analyze move;

insert into stock_move (id, name, reference, origin, company_id, product_id, product_uom, product_uom_qty, product_qty, quantity, price_unit,
  location_id, location_dest_id, partner_id, picking_id, picking_type_id, warehouse_id, sale_line_id, purchase_line_id, state, procure_method,
  is_inventory, date, create_date, write_date)
select id, name, reference, origin, company_id, product_id, uom_id, case kind when 'COUNT' then qty else uom_qty end, qty,
  case kind when 'COUNT' then qty else uom_qty end, case kind when 'OUT' then 0 else unit_cost end, source, target, partner_id, pick_id, type_id,
  company_id, case kind when 'OUT' then line_id end, case kind when 'IN' then line_id end, 'done', 'make_to_stock', kind = 'COUNT', done, done,
  pg_temp.touched(402, id, done)
from move where qty > 0;

-- What remains of an incoming layer follows first in, first out: all that ever left is taken from the oldest layers.
insert into stock_valuation_layer (id, company_id, product_id, categ_id, stock_move_id, description, quantity, unit_cost, value,
  remaining_qty, remaining_value, create_date, write_date)
select row_number() over (order by m.id), m.company_id, m.product_id, t.categ_id, m.id, m.reference || ' - ' || m.name, m.signed, m.unit_cost,
  round(m.signed * m.unit_cost, 2), case when m.signed > 0 then rest end, case when m.signed > 0 then round(rest * m.unit_cost, 2) end,
  m.done, m.done + interval '1.5 seconds'
from (
  select id, company_id, product_id, reference, name, unit_cost, done, case kind when 'OUT' then -qty else qty end as signed,
    sum(case kind when 'OUT' then qty else 0 end) over (partition by company_id, product_id) as gone,
    sum(case kind when 'OUT' then 0 else qty end) over (partition by company_id, product_id order by id) as arrived
  from move where qty > 0
) as m
join product_product p on p.id = m.product_id join product_template t on t.id = p.product_tmpl_id
cross join lateral (select greatest(0, least(m.signed, m.arrived - m.gone))) as r(rest);

-- A fifth of the products keep some pieces on the shelf. Quants also stand, negative, where goods came from.
insert into stock_quant (id, product_id, company_id, location_id, quantity, reserved_quantity, in_date, create_date, write_date)
select row_number() over (order by company_id, product_id, location_id), product_id, company_id, location_id, quantity,
  case when pg_temp.roll(403, product_id, 10) = 0 and location_id % 10 = 1 then 1 else 0 end, last_done, last_done, last_done + interval '2.25 seconds'
from (
  select m.product_id, m.company_id, l.location_id, sum(l.quantity) as quantity, max(m.last_done) as last_done
  from (
    select company_id, product_id, max(done) as last_done, sum(case kind when 'OUT' then -qty else qty end) as on_hand,
      sum(case kind when 'COUNT' then qty else 0 end) as counted, sum(case kind when 'OUT' then qty else 0 end) as shipped
    from move where qty > 0 group by 1, 2
  ) as m
  cross join lateral (select case when pg_temp.roll(404, m.product_id, 5) = 0 then floor(m.on_hand / 3) else 0 end) as s(shelf)
  cross join lateral (values (m.company_id * 10 + 1, m.on_hand - shelf), (m.company_id * 10 + 2, shelf),
    (m.company_id * 10 + 3, -counted), (4, shipped)) as l(location_id, quantity)
  where l.quantity <> 0 group by 1, 2, 3
) as q;
