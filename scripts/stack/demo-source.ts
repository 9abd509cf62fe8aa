import type { Backend, Context } from './context.ts';

/**
 * The Odoo database that the reference pipelines read: CONTROL_ROOM_CONNECTION_ODOO where it is set, else a generated
 * one in the embedded server. null on a hosted Supabase without that variable.
 */
export async function findOdooSource(context: Context, backend: Backend): Promise<string | null> {
  const { settings, secrets, terminal } = context;
  const { database_url } = backend;
  if (settings.odoo_url !== null) return settings.odoo_url;
  if (settings.hosted !== null || database_url === null) return null;
  return terminal.step('Demo source (Odoo)', async () => {
    const { ensureDemoSource } = await import('../../pipelines/demo-source/main.ts');
    const source = await ensureDemoSource(database_url, { size: settings.demo_size, password: secrets.demo_source_password });
    return source.database_url;
  });
}
