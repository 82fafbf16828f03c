import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { explainFileError, LocalError } from './local-error.js';
import { type Lock, tryLock } from './lock.js';
import { claimPort } from './ports.js';
import type { LocalSettings } from './settings.js';

/**
 * Makes the data folder and takes it for this process.
 * @throws LocalError when it cannot be used or another start uses it
 */
export async function lockDataDir(dataDir: string): Promise<Lock> {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const result = await tryLock(join(dataDir, 'lock'));
    if (result.kind === 'held') {
      throw new LocalError(
        `The data folder ${dataDir} is in use by another start (process ${result.byPid ?? 'unknown'}): stop that one, or choose another folder, for example DATA_DIR=.data2.`,
      );
    }
    return result.lock;
  } catch (error) {
    throw explainFileError(error, `use the data folder ${dataDir}`, 'DATA_DIR');
  }
}

/** A new data folder holds 80 MB after its first installation, most of it PostgreSQL's; the rest is room to grow. */
const ROOM_MB = 200;

/**
 * A start on an almost full disk comes up, or half of it does, and then stands still: a sentence of warning for it, or null where there
 * is room.
 *
 * @param neededMb room that is enough, in MB
 */
export function wordsOfLittleRoom(dataDir: string, neededMb = ROOM_MB): string | null {
  const { bavail, bsize } = statfsSync(dataDir);
  const roomMb = Math.floor((bavail * bsize) / 1_000_000);
  if (roomMb >= neededMb) return null;
  return `  Only ${roomMb} MB are free on the disk of ${dataDir}, and PostgreSQL and Temporal need ${neededMb}: make room, or choose another disk with DATA_DIR.`;
}

/** Finds out about ports in use before anything is started, so that the message names the setting to change. */
export async function claimPorts(settings: LocalSettings) {
  const { ingress, ops, simulator, temporal } = settings;
  return {
    ingress: await claimPort(ingress.port, 'ingress', 'PORT', ingress.host),
    ops: await claimPort(ops.port, 'ops listener', 'OPS_PORT', ops.host),
    simulator: await claimPort(simulator.port, 'simulator', 'SIMULATOR_PORT', simulator.host),
    // 0 stays 0: the server finds other ports by itself when those it chose are gone.
    temporal: temporal?.port ? await claimPort(temporal.port, 'Temporal server', 'TEMPORAL_PORT') : 0,
    temporalUi: temporal?.uiPort ? await claimPort(temporal.uiPort, 'Temporal Web UI', 'TEMPORAL_UI_PORT') : 0,
  };
}
