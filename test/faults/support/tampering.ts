import { escapeLiteral } from 'pg';

/** Takes a change back: everything is as it was before. */
export type Mend = () => Promise<unknown>;

/** Where tables are: the service's database, or the product's. */
interface Tables {
  query(sql: string): Promise<Record<string, unknown>[]>;
}

/** As a replica: neither foreign keys nor the trigger that keeps the audit append-only are in the way. */
const asReplica = (sql: string) => `BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`;

/**
 * Changes a table behind everybody's back.
 * @param table the one that `sql` changes; small, since all of its rows are kept for the way back
 */
export async function tamperWith({ query }: Tables, table: string, sql: string): Promise<Mend> {
  const [kept] = await query(`SELECT coalesce(jsonb_agg(t), '[]')::text AS rows FROM ${table} t`);
  const rows = `jsonb_populate_recordset(NULL::${table}, ${escapeLiteral(String(kept?.['rows']))})`;
  await query(asReplica(sql));
  return () => query(asReplica(`DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM ${rows}`));
}
