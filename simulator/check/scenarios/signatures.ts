import type { SignRequest } from '../../client/types.js';
import { acknowledged, approved, isSuccess, listed, settled } from '../conduct.js';
import { ScenarioFailure } from '../failure.js';
import type { Scenario } from '../types.js';

/** Each with what is wrong about it, in words. */
const tampered: ReadonlyArray<{ tamper: NonNullable<SignRequest['tamper']>; words: string }> = [
  { tamper: 'unsigned', words: 'no signature headers' },
  { tamper: 'bad-hex', words: 'a signature that is not hex' },
  { tamper: 'unknown-key-id', words: 'a key id that Talkdesk does not know' },
  { tamper: 'other-key', words: 'a signature made with another key than the one it names' },
  { tamper: 'expired-key', words: 'a key that had expired days before the event' },
  { tamper: 'changed-body', words: 'a body that was changed after it was signed' },
];

/** What the contract leaves open about a signature, so a backend must take each (talkdesk-api.md 2.2). */
const forms: readonly SignRequest[] = [
  { curve: 'p256', key_container: 'spki', signature_container: 'der', hex_case: 'lower' },
  { curve: 'p256', key_container: 'spki', signature_container: 'raw', hex_case: 'upper' },
  { curve: 'p256', key_container: 'raw', signature_container: 'der', hex_case: 'lower' },
  { curve: 'p256', key_container: 'pem', signature_container: 'der', hex_case: 'upper' },
  { curve: 'p256', key_container: 'pem-text', signature_container: 'raw', hex_case: 'lower' },
  { curve: 'p384', key_container: 'spki', signature_container: 'der', hex_case: 'lower' },
  { curve: 'p384', key_container: 'raw', signature_container: 'raw', hex_case: 'lower' },
  { curve: 'p521', key_container: 'spki', signature_container: 'raw', hex_case: 'lower' },
  { curve: 'p521', key_container: 'raw', signature_container: 'der', hex_case: 'upper' },
  { curve: 'secp256k1', key_container: 'spki', signature_container: 'der', hex_case: 'lower' },
];

/** Scenarios about the signature of deliveries. */
export const signatures: readonly Scenario[] = [
  {
    name: 'signature-refused',
    title:
      'A delivery whose signature does not hold is refused and nothing follows from it; the same event, signed well, is taken.',
    requirements: ['technical-certification'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      const taken: string[] = [];
      let untouched: { installation_id: string; event_id: string } | undefined;
      for (const { tamper, words } of tampered) {
        const made = await probe.prepare();
        const { status } = await probe.client.deliver(made.event_id, { sign: { tamper } });
        if (isSuccess(status)) taken.push(`with ${words} (${status})`);
        untouched ??= made;
        probe.note(`${words}: answered ${status ?? 'nothing'}`);
      }
      const expected = 'A delivery whose signature does not hold is answered with a 4xx, and no call follows.';
      const advice =
        'Verify the ECDSA signature over the raw bytes with the key that X-Hub-Ecdsa-Signature-Id names, fetched from an allowed gateway, before anything else; answer 401.';
      if (taken.length > 0)
        throw new ScenarioFailure(expected, `Accepted were deliveries ${taken.join(', ')}.`, advice);
      const after = await Promise.all(probe.installations.map((id) => settled(probe, id, { quietMs: 1_000 })));
      for (const calls of after) {
        if (calls.length > 0)
          throw new ScenarioFailure(expected, `Refused, and yet a call came: ${listed(calls)}.`, advice);
      }
      if (untouched === undefined) return;
      await acknowledged(probe, untouched.event_id, 'the refused event, delivered again with a good signature,');
      await approved(
        probe,
        untouched.installation_id,
        untouched.event_id,
        'install of the event that was refused before',
      );
    },
  },
  {
    name: 'signature-forms',
    title: 'Every form of key and signature that the contract leaves open is accepted.',
    requirements: ['technical-certification'],
    needs: ['own-token-per-installation'],
    async run(probe) {
      const refused: string[] = [];
      const accepted = [];
      for (const form of forms) {
        const made = await probe.prepare();
        const words = `${form.curve}, key as ${form.key_container}, signature as ${form.signature_container}, ${form.hex_case} case hex`;
        const { status, error } = await probe.client.deliver(made.event_id, { sign: form });
        if (isSuccess(status)) accepted.push(made);
        else refused.push(`${words} (${status ?? error})`);
      }
      if (refused.length > 0) {
        throw new ScenarioFailure(
          'A good signature is accepted in every form that the contract leaves open.',
          `Refused: ${refused.join('; ')}.`,
          'Take the curve from the key; read SPKI, PEM and raw points, DER and r||s, hex in either case (contract 2.2).',
        );
      }
      for (const { installation_id, event_id } of accepted) await approved(probe, installation_id, event_id, 'install');
    },
  },
];
