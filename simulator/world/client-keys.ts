import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { createP256Pair } from './p256.js';

/** The algorithms of an installation's key (talkdesk-api.md 1.4). */
export const keyAlgorithms = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'] as const;
export type KeyAlgorithm = (typeof keyAlgorithms)[number];

/** How the event writes the private key: documented is PKCS#8 in base64 without armour; the others were seen or may come. */
export const keyContainers = ['pkcs8', 'sec1', 'pem', 'sec1-pem'] as const;
export type KeyContainer = (typeof keyContainers)[number];

const curves = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const;
const generate = promisify(generateKeyPair);

/** A fresh pair for one client: the public key to verify with, and both keys as the event writes them. */
export interface ClientKeys {
  publicKey: KeyObject;
  publicKeyText: string;
  privateKeyText: string;
}

/** True when a key of this algorithm can be written in this container: SEC1 is for elliptic curves only. */
export function containerFits(algorithm: KeyAlgorithm, container: KeyContainer): boolean {
  return algorithm.startsWith('ES') || container === 'pkcs8' || container === 'pem';
}

/** Makes the key pair of a client: the curve that belongs to an ES algorithm, or RSA of 2048 bits (talkdesk-api.md 3.2). */
export async function generateClientKeys(algorithm: KeyAlgorithm, container: KeyContainer): Promise<ClientKeys> {
  if (algorithm === 'ES256' && container === 'pkcs8') return usualKeys();
  const { publicKey, privateKey } =
    algorithm === 'ES256' || algorithm === 'ES384' || algorithm === 'ES512'
      ? await generate('ec', { namedCurve: curves[algorithm] })
      : await generate('rsa', { modulusLength: 2048 });
  return {
    publicKey,
    publicKeyText: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    privateKeyText: privateKeyText(privateKey, container),
  };
}

/** The same for the form that everybody gets who asks for no other, fast enough for a load run. */
function usualKeys(): ClientKeys {
  const { publicKey, spki, pkcs8 } = createP256Pair();
  return { publicKey, publicKeyText: spki.toString('base64'), privateKeyText: pkcs8.toString('base64') };
}

function privateKeyText(key: KeyObject, container: KeyContainer): string {
  switch (container) {
    case 'pkcs8':
      return key.export({ type: 'pkcs8', format: 'der' }).toString('base64');
    case 'sec1':
      return key.export({ type: 'sec1', format: 'der' }).toString('base64');
    case 'pem':
      return key.export({ type: 'pkcs8', format: 'pem' }).toString();
    case 'sec1-pem':
      return key.export({ type: 'sec1', format: 'pem' }).toString();
  }
}
