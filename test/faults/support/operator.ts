import { Client, Connection } from '@temporalio/client';
import type { Surroundings } from '../../support/stack.js';
import type { FaultWorld } from './world.js';

/**
 * A client of the services' Temporal server, as an operator has one. Close its connection.
 *
 * @param address where the server is, when not to be reached as the services reach it (through a wire)
 */
export async function connectOperator({ env }: Surroundings, address?: string): Promise<Client> {
  const connection = await Connection.connect({ address: address ?? (env['TEMPORAL_ADDRESS'] as string) });
  return new Client({ connection, namespace: env['TEMPORAL_NAMESPACE'] as string });
}

/** Gives what `ask` finds out with a client of its own. */
export async function asOperator<T>(surroundings: Surroundings, ask: (client: Client) => Promise<T>): Promise<T> {
  const client = await connectOperator(surroundings);
  try {
    return await ask(client);
  } finally {
    await client.connection.close();
  }
}

/** A client of the world's Temporal server, not through the wire. Close its connection. */
export async function operatorOf({ temporal, surroundings }: FaultWorld): Promise<Client> {
  return await connectOperator(surroundings, temporal.address);
}
