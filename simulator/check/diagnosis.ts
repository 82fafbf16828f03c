import type { RequestEntry } from '../client/types.js';
import type { Probe } from './probe.js';

/** What to do about a refusal, by words of its verdict; the first that fits. */
const remedies: ReadonlyArray<{ sign: RegExp; advice: string }> = [
  {
    sign: /\baud is/,
    advice:
      'The aud of the client assertion must be the token URL itself, account and region included, as the event links it.',
  },
  { sign: /\balg is/, advice: 'Sign the client assertion with the key_algorithm of the event.' },
  { sign: /\bkid is/, advice: 'Put the key_id of the event into the header of the client assertion as kid.' },
  {
    sign: /signature was not made/,
    advice: 'Sign the client assertion with the private_key that came with this client_id.',
  },
  { sign: /\bexp\b/, advice: 'Let the client assertion expire 300 s after it is made, and check the clock.' },
  { sign: /\bjti\b/, advice: 'Give each client assertion a fresh jti, and never send one twice.' },
  { sign: /scope/, advice: 'Ask for no scope that the app was not granted, and for apps:write to decide.' },
  {
    sign: /revoked/,
    advice: 'Use the newest credentials of the installation; a rotation or reinstallation replaces them.',
  },
  {
    sign: /installation|another|belongs/,
    advice: 'Call an installation only with a token of the client that came with its own app.installed.',
  },
];

/** A request in one short line. */
export function describeRequest({ method, path, status, verdict }: RequestEntry): string {
  return `${method} ${path} was answered ${status ?? 'with a reset connection'} (${verdict})`;
}

/** Why a decision on an event has not come, from what the simulator was asked since it was sent. */
export async function whyUndecided(
  probe: Probe,
  installationId: string,
  eventId: string,
): Promise<{ seen: string; advice: string }> {
  const sentAt = (await probe.client.event(eventId)).attempts[0]?.at ?? '';
  const requests = (await probe.requests(installationId)).filter(({ at }) => at >= sentAt);
  const refused = requests.findLast(({ status, fault }) => fault === null && status !== null && status >= 400);
  if (refused !== undefined) {
    const advice = remedies.find(({ sign }) => sign.test(refused.verdict))?.advice;
    return {
      seen: `No decision took effect, and ${describeRequest(refused)}.`,
      advice: advice ?? "Look at the backend's log at that time; the simulator's words in brackets say what it missed.",
    };
  }
  if (requests.length > 0) {
    const calls = [...new Set(requests.map(({ method, route }) => `${method} ${route}`))].join(', ');
    return {
      seen: `Calls came (${calls}), and no decision.`,
      advice:
        'Send POST {root}/apps/{app_id}/installations/{installation_id}/state with {"state":"approve"} when the work is done.',
    };
  }
  const nameless = (await probe.client.requests()).findLast(
    ({ installation_id: id, status, route, at }) =>
      at >= sentAt && id === null && route === 'token' && status !== null && status >= 400,
  );
  return {
    seen: `The event was acknowledged, and no call about this installation came after it${
      nameless === undefined ? '' : `; a call that names no known installation: ${describeRequest(nameless)}`
    }.`,
    advice:
      "Look at the backend's log: a host that it does not allow, an app id that it does not know, or work that has stopped. What it must be configured with: docs/conformance.md.",
  };
}
