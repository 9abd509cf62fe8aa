-- Units, categories three levels deep, templates with one or two variants, and costs per company in ir_property.
insert into uom_uom (id, name, category_id, uom_type, factor, rounding, active, create_date, write_date)
select id, name::jsonb, category, kind, factor, 0.01, id <> 6, timestamp '2024-01-02 08:00:00', timestamp '2024-01-02 08:59:12.345678'
from (values
  (1, '{"en_US": "Units", "fr_FR": "Unités", "nl_BE": "Stuks"}', 1, 'reference', 1.0), (2, '{"en_US": "Dozens", "fr_FR": "Douzaines"}', 1, 'bigger', 0.08333333333333333),
  (3, '{"en_US": "kg"}', 2, 'reference', 1.0), (4, '{"en_US": "g"}', 2, 'smaller', 1000.0),
  (5, '{"en_US": "Hours", "nl_BE": "Uren"}', 3, 'smaller', 8.0), (6, '{"en_US": "Days", "nl_BE": "Dagen"}', 3, 'reference', 1.0)
) as u(id, name, category, kind, factor);

insert into product_category (id, name, complete_name, parent_id, parent_path, create_date, write_date)
select id, name, path, parent, ids, timestamp '2024-01-05 08:00:00', timestamp '2024-01-05 08:59:12.345678'
from (values
  (1, 'All', 'All', null::int, '1/'), (2, 'Saleable', 'All / Saleable', 1, '1/2/'), (3, 'Expenses', 'All / Expenses', 1, '1/3/'),
  (4, 'Hand tools', 'All / Saleable / Hand tools', 2, '1/2/4/'), (5, 'Power tools', 'All / Saleable / Power tools', 2, '1/2/5/'),
  (6, 'Drills', 'All / Saleable / Power tools / Drills', 5, '1/2/5/6/'), (7, 'Saws', 'All / Saleable / Power tools / Saws', 5, '1/2/5/7/'),
  (8, 'Fasteners', 'All / Saleable / Fasteners', 2, '1/2/8/'), (9, 'Services', 'All / Services', 1, '1/9/')
) as c(id, name, path, parent, ids);

-- Cost methods and costs live in ir_property: fifo for power tools, average elsewhere.
insert into ir_property (name, res_id, company_id, fields_id, type, value_text, create_date, write_date)
select 'property_cost_method', 'product.category,' || k, c, 9001, 'selection', case when k in (5, 6, 7) then 'fifo' else 'average' end,
  timestamp '2024-01-05 08:00:00', timestamp '2024-01-05 08:59:12.345678'
from generate_series(4, 8) as k, generate_series(1, 2) as c;

-- detailed_type: seven in ten are stored, two consumable, one a service.
insert into product_template (id, name, description_sale, categ_id, uom_id, uom_po_id, company_id, detailed_type, type, default_code,
  list_price, volume, weight, tracking, invoice_policy, sale_ok, purchase_ok, active, create_date, write_date)
select g, jsonb_strip_nulls(jsonb_build_object('en_US', name, 'fr_FR', case when g % 2 = 0 then 'Outil ' || name end,
    'nl_BE', case when g % 3 = 0 then 'Gereedschap ' || name end)),
  case when g % 5 = 0 then jsonb_build_object('en_US', 'Sold by ' || name) end,
  case kind when 'service' then 9 else (array[4, 5, 6, 7, 8])[1 + pg_temp.roll(150, g, 5)] end,
  case kind when 'service' then 5 else 1 end, case kind when 'service' then 5 else 1 end,
  case when pg_temp.roll(151, g, 20) = 0 then 1 + pg_temp.roll(152, g, 2) end, kind, kind, 'T' || lpad(g::text, 6, '0'),
  round(5 + pg_temp.roll(153, g, 40000) / 100.0, 2), round(pg_temp.roll(154, g, 1000) / 10000.0, 4), round(pg_temp.roll(155, g, 2000) / 100.0, 2),
  'none', 'order', true, kind <> 'service', pg_temp.roll(156, g, 33) <> 0, created, pg_temp.touched(157, g, created)
from (
  select g, (array['Hammer', 'Drill', 'Saw', 'Wrench', 'Bolt', 'Level', 'Clamp', 'Chisel'])[1 + pg_temp.roll(158, g, 8)] || ' ' || g as name,
    (array['product', 'product', 'product', 'product', 'product', 'product', 'product', 'consu', 'consu', 'service'])[1 + pg_temp.roll(159, g, 10)] as kind,
    timestamp '2024-07-01 08:00:00' + (g / 100) * interval '1 hour' as created
  from generate_series(1, current_setting('demo.templates')::int) as g
  where pg_temp.roll(160, g, 40) > 0
) as t;

insert into product_product (id, product_tmpl_id, default_code, barcode, combination_indices, volume, weight, active, create_date, write_date)
select row_number() over (order by v, t.id), t.id, t.default_code || case v when 2 then '-L' else '' end,
  case when t.id % 4 = 0 then '54' || (10000000000 + t.id * 10 + v) end, case v when 2 then '1' else '' end, t.volume, t.weight,
  t.active and not (v = 2 and t.id % 35 = 0), t.create_date, t.write_date
from product_template t, generate_series(1, 2) as v where v = 1 or t.id % 5 = 0;

insert into ir_property (name, res_id, company_id, fields_id, type, value_float, create_date, write_date)
select 'standard_price', 'product.product,' || p.id, c, 9000, 'float',
  round(t.list_price * (40 + pg_temp.roll(161, p.id * 2 + c, 30)) / 100, 2), p.create_date, p.write_date
from product_product p join product_template t on t.id = p.product_tmpl_id, generate_series(1, 2) as c
where t.type <> 'service';

-- What each company may sell, and what it may buy (stored goods); cost in the company's currency.
create temp table goods as
select c as company_id, p.id as product_id, t.name ->> 'en_US' as name, t.type, t.categ_id, t.uom_id, t.list_price,
  coalesce(i.value_float::numeric, 0) as cost,
  row_number() over (partition by c order by p.id)::int - 1 as position,
  row_number() over (partition by c, t.type order by p.id)::int - 1 as type_position
from generate_series(1, 2) as c, product_product p
join product_template t on t.id = p.product_tmpl_id
left join ir_property i on i.name = 'standard_price' and i.res_id = 'product.product,' || p.id
where p.active and (t.company_id is null or t.company_id = c) and (i.company_id is null or i.company_id = c);
create index on goods (company_id, position);
create index on goods (company_id, type, type_position);
create index on goods (product_id);
analyze goods;
create temp table goods_size as
select company_id, count(*)::int as size, count(*) filter (where type = 'product')::int as stored from goods group by 1;
