import { z } from 'zod';
import type { PolicyRule } from './config.js';
import { keysError } from './problems.js';

const KINDS = ['install', 'update'] as const;
const MODES = ['automatic', 'manual'] as const;
const DEFAULT_ACTIONS = ['approve', 'reject', 'lapse'] as const;

const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, `must be one of ${values.join(', ')}`);

const words = (what: string) =>
  z
    .array(z.string('must be a text').min(1, 'must not be empty'), `must be a list of ${what}`)
    .min(1, 'must name at least one');

const limit = () => {
  const message = 'must be a whole number from 0 to 1000000';
  return z.int(message).min(0, message).max(1_000_000, message);
};

/**
 * What APPS_FILE says about decisions: one rule, or a list of which the first that matches holds. What a rule leaves out: it matches
 * everything, is automatic, and has no guards. A manual rule without a default action rejects at *due*: nobody said yes, and the
 * customer is told so and can repeat, which a window that runs out would not do as clearly.
 *
 * @param regionNames names that a rule may use; null: not known, and not checked
 */
export function policySchema(regionNames: readonly string[] | null) {
  const regions = () =>
    words('region names').check((context) => {
      context.value.forEach((name, index) => {
        if (regionNames === null || regionNames.includes(name)) return;
        const message = `there is no such region; known are ${regionNames.join(', ')}`;
        context.issues.push({ code: 'custom', message, input: name, path: [index] });
      });
    });
  const match = z.strictObject(
    {
      plans: words('plan names').exactOptional(),
      regions: regions().exactOptional(),
      kinds: z.array(oneOf(KINDS), 'must be a list of kinds').min(1, 'must name at least one').exactOptional(),
    },
    { error: keysError('plans, regions and kinds') },
  );
  const guards = z.strictObject(
    {
      maxInstallations: limit().exactOptional(),
      maxUsers: limit().exactOptional(),
      regions: regions().exactOptional(),
      plans: words('plan names').exactOptional(),
      blockedAccounts: z
        .array(z.string('must be a text').min(1, 'must not be empty'), 'must be a list of account ids or names')
        .exactOptional(),
    },
    { error: keysError('maxInstallations, maxUsers, regions, plans and blockedAccounts') },
  );
  const rule = z
    .strictObject(
      {
        match: match.default({}),
        mode: oneOf(MODES).default('automatic'),
        atDue: oneOf(DEFAULT_ACTIONS).optional(),
        guards: guards.default({}),
      },
      { error: keysError('match, mode, atDue and guards') },
    )
    .refine(({ mode, atDue }) => mode === 'manual' || atDue === undefined, {
      message: 'means something only with "mode": "manual"',
      path: ['atDue'],
    })
    .transform(({ atDue, ...rest }): PolicyRule => ({ ...rest, atDue: atDue ?? 'reject' }));
  const rules = z.array(rule).check((context) => {
    const all = context.value.findIndex(({ match: wanted }) => Object.keys(wanted).length === 0);
    if (all === -1 || all === context.value.length - 1) return;
    const message = 'is never reached: the rule before it matches everything';
    context.issues.push({ code: 'custom', message, input: null, path: [all + 1] });
  });
  return z.preprocess((value) => (Array.isArray(value) ? value : [value]), rules);
}
