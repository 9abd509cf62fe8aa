import type pg from "pg";

/** Order lines of the width that Odoo's have: keys without gaps, money, texts, times. */
export async function makeOrderLines(client: pg.Client, rows: number): Promise<void> {
  await client.query(`create table sale_order_line (id int primary key, order_id int not null, company_id int, product_id int, name text, product_uom_qty numeric(16,4), price_unit numeric(16,4),
    discount numeric(16,4), price_subtotal numeric(16,2), price_tax numeric(16,2), state text, create_date timestamp, write_date timestamp)`);
  await client.query(`insert into sale_order_line
    select i, i / 5 + 1, i % 3 + 1, i % 2000 + 1, 'Product ' || i % 2000 || ', as agreed', i % 12 + 1, (i % 2000) * 1.15, i % 7 * 2.5, round((i % 12 + 1) * (i % 2000) * 1.15 * (1 - i % 7 * 0.025), 2),
      round((i % 12 + 1) * (i % 2000) * 0.23, 2), (array['sale', 'sale', 'sale', 'done', 'draft', 'cancel'])[i % 6 + 1], timestamp '2024-01-01' + i * interval '3 seconds', timestamp '2024-01-01' + i * interval '3 seconds'
    from generate_series(1, ${rows}) as i`);
  await client.query("vacuum analyze sale_order_line");
}

/** A share of the rows change as business does: half of it new orders, the rest the latest ones, of which some are deleted. */
export async function changeLatest(client: pg.Client, rows: number, share: number): Promise<void> {
  const half = Math.round((rows * share) / 2);
  await client.query(`update sale_order_line set state = 'done', write_date = now() where id > ${rows - half}`);
  await client.query(`delete from sale_order_line where id in (${rows - half + 1}, ${rows - half + 7})`);
  await client.query(`insert into sale_order_line select i, i / 5 + 1, 1, i % 2000 + 1, 'New', 1, 10, 0, 10, 2, 'sale', now(), now() from generate_series(${rows + 1}, ${rows + half}) as i`);
}

/** The same number of rows, anywhere in the table: each of its files is touched. */
export async function changeAnywhere(client: pg.Client, rows: number, share: number): Promise<void> {
  await client.query(`update sale_order_line set discount = discount + 1, write_date = now() where id % ${Math.round(1 / share)} = 0 and id <= ${rows}`);
}
