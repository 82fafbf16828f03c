import type { Router } from 'express';
import { type Faults, faultView } from '../faults/faults.js';
import type { Holds } from '../faults/holds.js';
import { faultSchemaFor } from '../faults/schema.js';
import { ControlProblem, readInput } from './problem.js';

/** What the routes of faults need. */
export interface FaultDeps {
  faults: Faults;
  holds: Holds;
}

/** Routes of the faults that are set, one by one or all, and of the requests that one of them holds. */
export function addFaultRoutes(router: Router, { faults, holds }: FaultDeps): void {
  router.get('/faults', (_request, response) => {
    response.json({ faults: faults.all().map(faultView) });
  });
  router.post('/faults', (request, response) => {
    const { id } = faults.add(readInput(faultSchemaFor(request.body), request.body));
    response.status(201).json({ id });
  });
  router.delete('/faults/:fault_id', (request, response) => {
    const id = request.params['fault_id'];
    if (!faults.remove(id)) {
      throw new ControlProblem(404, `There is no fault ${id}; one that is used up or over is gone by itself.`);
    }
    response.json({ ok: true });
  });
  router.delete('/faults', (_request, response) => {
    faults.clear();
    response.json({ ok: true });
  });
  router.get('/holds', (_request, response) => {
    response.json(holds.all());
  });
  router.post('/holds/:hold_id/release', (request, response) => {
    if (!holds.release(request.params['hold_id'])) throw new ControlProblem(404, 'There is no hold of this id.');
    response.json({ ok: true });
  });
}
