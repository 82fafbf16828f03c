import { resolve } from 'node:path';
import { LocalError } from './local-error.js';

/** What the local mode starts, and where. A port of 0 stands for any free one. */
export interface LocalSettings {
  dataDir: string;
  /** Null: `DATABASE_URL` names a server that runs already. */
  postgresPort: number | null;
  /** Null: `TEMPORAL_ADDRESS` or `TEMPORAL_PROFILE` names a server that runs already. */
  temporal: { port: number; uiPort: number } | null;
  simulator: { host: string; port: number };
  ingress: { host: string; port: number };
  ops: { host: string; port: number };
}

const DEFAULT_PORTS = { ingress: 3000, ops: 3001, simulator: 3002, temporal: 7233, temporalUi: 8233 } as const;
const LOOPBACK = '127.0.0.1';

/**
 * Reads what concerns the local mode only; the service's own settings are read by `config/`.
 * @param once every port that is not set is any free one, so that the run meets nothing else on the machine
 * @throws LocalError that names every wrong variable
 */
export function readLocalSettings(env: NodeJS.ProcessEnv, once: boolean): LocalSettings {
  const problems: string[] = [];
  const text = (name: string) => {
    const value = env[name]?.trim();
    return value === undefined || value === '' ? null : value;
  };
  const port = (name: string, fallback: number) => {
    const value = text(name);
    if (value === null) return once ? 0 : fallback;
    if (!/^\d{1,5}$/.test(value) || Number(value) > 65_535) {
      problems.push(`${name} must be a port from 1 to 65535, or 0 for any free one.`);
      return 0;
    }
    return Number(value);
  };
  const settings: LocalSettings = {
    dataDir: resolve(text('DATA_DIR') ?? '.data'),
    postgresPort: text('DATABASE_URL') === null ? port('POSTGRES_PORT', 0) : null,
    temporal:
      text('TEMPORAL_ADDRESS') === null && text('TEMPORAL_PROFILE') === null
        ? {
            port: port('TEMPORAL_PORT', DEFAULT_PORTS.temporal),
            uiPort: port('TEMPORAL_UI_PORT', DEFAULT_PORTS.temporalUi),
          }
        : null,
    simulator: { host: text('SIMULATOR_HOST') ?? LOOPBACK, port: port('SIMULATOR_PORT', DEFAULT_PORTS.simulator) },
    ingress: { host: text('HOST') ?? LOOPBACK, port: port('PORT', DEFAULT_PORTS.ingress) },
    ops: { host: text('OPS_HOST') ?? LOOPBACK, port: port('OPS_PORT', DEFAULT_PORTS.ops) },
  };
  if (problems.length > 0) throw new LocalError(problems.join('\n'));
  return settings;
}

/** What `--help` prints. */
export const USAGE = `Starts everything on this machine and sends one installation through it.

  npm start              PostgreSQL, Temporal with its Web UI, a stand-in Talkdesk, ingress and worker; stays up until Ctrl-C
  npm start -- --once    the same on free ports, ends by itself: exit code 0 when the installation is completed at Talkdesk
                         and the sample product holds its account and users, 1 with the reason otherwise

Settings (environment), besides those of .env.example, which win over what the local mode would choose:
  DATA_DIR               folder that keeps everything between starts (.data)
  PORT, OPS_PORT         ingress (3000); health and metrics (3001)
  SIMULATOR_PORT         the stand-in Talkdesk (3002)
  TEMPORAL_PORT          Temporal (7233)
  TEMPORAL_UI_PORT       Temporal's Web UI (8233)
  POSTGRES_PORT          PostgreSQL (any free one)
                         0 stands for any free port everywhere
  DATABASE_URL           uses this PostgreSQL instead of an own one
  TEMPORAL_ADDRESS       uses this Temporal server instead of an own one
  TEMPORAL_CLI_PATH      the Temporal CLI to run; otherwise temporal on PATH, the cache folder, or fetched once`;
