import express, { type RequestHandler, type Router } from 'express';
import { SnapshotProblem } from '../snapshot/problem.js';
import type { Snapshots } from '../snapshot/snapshot.js';
import { ControlProblem } from './problem.js';

/** A state with the whole ledger of a long load run in it. */
const longestSnapshot = '500mb';

/** Reads a snapshot's body, which is larger than others. */
export const snapshotBody: RequestHandler = express.json({ limit: longestSnapshot });

/** `GET` and `PUT /_control/snapshot`: the whole state, with every secret in it. */
export function addSnapshotRoutes(router: Router, { snapshots }: { snapshots: Snapshots }): void {
  router.get('/snapshot', async (_request, response) => {
    response.json(await snapshots.save());
  });
  router.put('/snapshot', async (request, response) => {
    try {
      response.json({ ok: true, notes: await snapshots.load(request.body) });
    } catch (error) {
      throw error instanceof SnapshotProblem ? new ControlProblem(400, error.message) : error;
    }
  });
}
