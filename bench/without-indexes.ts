import type pg from "pg";

/** Fills `ops.runs` without its indexes (but for the keys), which are made again afterwards: row by row they take most of the time. */
export async function withoutIndexes(owner: pg.Client, fill: () => Promise<unknown>): Promise<void> {
  const { rows: indexes } = await owner.query<{ name: string; definition: string }>(`select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
    where indrelid = 'ops.runs'::regclass and not exists (select from pg_constraint where conindid = indexrelid)`);
  await owner.query("set maintenance_work_mem = '512MB'");
  for (const { name } of indexes) await owner.query(`drop index ${name}`);
  await fill();
  for (const { definition } of indexes) await owner.query(definition);
}
