/** A product that `npm start` brought up in an empty data folder. */
export interface Product {
  data_dir: string;
  /** Everything it printed so far. */
  shown(): string;
  pid: number;
  /** stack.json */
  stack: {
    app_url: string;
    api_url: string;
    supabase_url: string;
    postgrest_url: string;
    publishable_key: string;
    secret_key: string;
    database_url: string;
    data_dir: string;
    admin: { email: string; password: string };
    api_token: string;
    executor_token: string;
  };
  /** Ctrl-C, then removes the folder, unless it was given. */
  stop(): Promise<void>;
}
export function startProduct(env?: Record<string, string>, kept_dir?: string | null): Promise<Product>;
