import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { Client, escapeIdentifier, escapeLiteral } from 'pg';

/** What to make. Names may hold any character that PostgreSQL allows in an identifier. */
export interface SampleDatabaseNames {
  database: string;
  role: string;
  password: string;
}

/** PostgreSQL's own number of rounds for a SCRAM verifier. */
const SCRAM_ITERATIONS = 4096;

/**
 * Makes a role and a database for the sample product, or brings existing ones to this state: the role may log in with the password,
 * connect to this database and make tables in it, and nothing else; nobody else may connect. Can be run again and at the same time.
 *
 * @param adminUrl PostgreSQL as a role that may create roles and databases, any database of the server
 * @throws the error of `pg` when the server cannot be reached or does not permit it
 */
export async function createSampleDatabase(adminUrl: string, names: SampleDatabaseNames): Promise<void> {
  const role = escapeIdentifier(names.role);
  const database = escapeIdentifier(names.database);
  await withClient(adminUrl, async (client) => {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [`${names.role}/${names.database}`]);
    const roles = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [names.role]);
    await client.query(
      `${roles.rows.length === 0 ? 'CREATE' : 'ALTER'} ROLE ${role} LOGIN PASSWORD ${escapeLiteral(scramVerifier(names.password))}`,
    );
    const databases = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [names.database]);
    if (databases.rows.length === 0) await client.query(`CREATE DATABASE ${database} TEMPLATE template0`);
    await client.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
    await client.query(`GRANT CONNECT ON DATABASE ${database} TO ${role}`);
    const url = new URL(adminUrl);
    url.pathname = `/${encodeURIComponent(names.database)}`;
    await withClient(url.href, async (inside) => {
      await inside.query('REVOKE ALL ON SCHEMA public FROM PUBLIC');
      await inside.query(`GRANT USAGE, CREATE ON SCHEMA public TO ${role}`);
    });
  });
}

/** The connection's end also gives the advisory lock back. */
async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/**
 * What PostgreSQL stores for a password (SCRAM-SHA-256, RFC 5802). Made here, so that the password itself is in no statement and
 * thus in no log of the server.
 */
function scramVerifier(password: string): string {
  const salt = randomBytes(16);
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, SCRAM_ITERATIONS, 32, 'sha256');
  const keyFor = (name: string) => createHmac('sha256', salted).update(name).digest();
  const storedKey = createHash('sha256').update(keyFor('Client Key')).digest('base64');
  const serverKey = keyFor('Server Key').toString('base64');
  return `SCRAM-SHA-256$${SCRAM_ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}
