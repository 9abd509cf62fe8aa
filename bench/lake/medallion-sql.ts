/** Order lines as a source has them: typed, without drafts, with their amount. */
export function silver(bronze: string): string {
  return `select id, order_id, product_id, quantity, price, cast(quantity * price as decimal(18, 2)) as amount, state, cast(ordered_at as date) as ordered_on from ${bronze} where state <> 'draft'`;
}

/** What was sold by month and product. */
export function gold(lines: string): string {
  return `select cast(date_trunc('month', ordered_on) as date) as month, product_id, count(*) as lines, cast(sum(quantity) as bigint) as quantity, cast(sum(amount) as decimal(38, 2)) as amount from ${lines} group by 1, 2`;
}
