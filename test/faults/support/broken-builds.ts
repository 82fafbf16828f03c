import type { Edit, NamedTest } from './tree-copy.js';

/** A mistake that somebody could make, as changes of a copy, and the test that notices it. */
export interface BrokenBuild {
  name: string;
  edits: Edit[];
  caughtBy: NamedTest;
  /** What the failure of that test says: that the mistake was noticed, and not something else. */
  says: RegExp;
}

/** One for each promise that a test is said to hold. The first takes longest: it is noticed by something that does not happen in a minute. */
export const BROKEN_BUILDS: readonly BrokenBuild[] = [
  {
    name: 'no sweeper',
    edits: [{ file: 'api/start.ts', find: '    sweeper.start();\n', replace: '' }],
    caughtBy: {
      file: 'test/e2e/outage.test.ts',
      name: 'events are acknowledged, and their runs start after it returns',
    },
    says: /Not within 60000 ms: the outcome is recorded/,
  },
  {
    name: 'plain token in a result',
    edits: [
      {
        file: 'talkdesk/client.ts',
        find: 'const { fresh } = await tokens.get(access, limits);\n      return { fresh };',
        replace: 'return await tokens.get(access, limits);',
      },
      {
        file: 'activities/rotation.ts',
        find: 'await breakers\n            .guard(gatewayOf(installation), attempt, () =>\n              talkdesk.ensureToken(',
        replace:
          'const proof = await breakers\n            .guard(gatewayOf(installation), attempt, () =>\n              talkdesk.ensureToken(',
      },
      { file: 'activities/rotation.ts', find: 'return { current };', replace: 'return { current, ...proof };' },
      // An attempt that is cut off here is followed by one that gives what was recorded.
      {
        file: 'activities/rotation.ts',
        find: 'stepResult: { current: true }, at',
        replace: 'stepResult: { current: true, ...proof }, at',
      },
    ],
    caughtBy: {
      file: 'test/e2e/canaries.test.ts',
      name: 'are nowhere in logs, histories, Temporal’s files, tables, or PostgreSQL’s files',
    },
    says: /secret: "simulator's secret \d+"/,
  },
  {
    name: 'no check before deciding',
    edits: [
      {
        file: 'activities/decision.ts',
        find: '    const settled = judgeBefore(process, input.decision, before);\n    if (settled !== null) return settled;\n',
        replace: '',
      },
      {
        file: 'activities/decision.ts',
        find: 'const before = await read(process, access, attempt);',
        replace: 'await read(process, access, attempt);',
      },
      {
        file: 'activities/decision.ts',
        find: "import { judgeAfter, judgeBefore, type Reading } from './judgement.js';",
        replace: "import { judgeAfter, type Reading } from './judgement.js';",
      },
    ],
    caughtBy: {
      file: 'test/e2e/kill.test.ts',
      name: 'after approve was applied and before its answer arrived: one effective approve',
    },
    says: /Talkdesk was asked once only/,
  },
  {
    name: 'compensation registered after the call',
    edits: [
      {
        file: 'activities/product.ts',
        find: 'claimProcess(parts, attempt, { processId, registerUndo: true })',
        replace: 'claimProcess(parts, attempt, { processId })',
      },
      {
        file: 'activities/product.ts',
        find: 'const productAccountId = known ?? (await openAccount(process, attempt));\n',
        replace:
          'const productAccountId = known ?? (await openAccount(process, attempt));\n    await claimProcess(parts, attempt, { processId: process.processId, registerUndo: true });\n',
      },
    ],
    caughtBy: {
      file: 'test/e2e/kill.test.ts',
      name: 'after the product’s effect, then overtaken by an uninstall: what nobody recorded is taken back',
    },
    says: /actual: 'active'/,
  },
  {
    name: 'install’s approval taken for the update’s',
    edits: [
      {
        file: 'activities/judgement.ts',
        find: 'return approvalAt !== null && approvalAt.getTime() >= eventCreatedAt.getTime() + 1_000;',
        replace: 'return approvalAt !== null && eventCreatedAt !== null;',
      },
    ],
    caughtBy: {
      file: 'test/e2e/lifecycle.test.ts',
      name: 'is approved at a Talkdesk that never shows it as updating',
    },
    says: /and not by the approval of the install/,
  },
  {
    name: 'local attempt not cut off',
    edits: [
      {
        file: 'activities/attempts.ts',
        find: 'const limits = isLocal ? LOCAL_LIMITS : subject.long === true ? LONG_LIMITS : DURABLE_LIMITS;',
        replace: 'const limits = subject.long === true ? LONG_LIMITS : DURABLE_LIMITS;',
      },
      {
        file: 'activities/attempts.ts',
        find: 'const LOCAL_LIMITS = { attemptMs: 1_800, requestMs: 1_500 };\n',
        replace: '',
      },
      {
        file: 'activities/attempts.ts',
        find: 'AbortSignal.any([context.cancellationSignal, AbortSignal.timeout(limits.attemptMs)])',
        replace: 'AbortSignal.timeout(limits.attemptMs)',
      },
    ],
    caughtBy: {
      file: 'test/e2e/outage.test.ts',
      name: 'the quick attempt has hung up before the regular one asks',
    },
    says: /the request of the quick attempt is cut off/,
  },
  {
    name: 'ack before commit',
    edits: [
      {
        file: 'api/webhooks.ts',
        find: 'const accepted = await withinLimit(',
        replace: 'const accepting = withinLimit(',
      },
      {
        file: 'api/webhooks.ts',
        find: "    if (accepted.kind === 'conflict') {",
        replace:
          "    accepting.catch((error: unknown) => log.error({ alarm: 'inbox', reason: messageOf(error) }, 'delivery not stored'));\n    const accepted = { kind: 'stored' } as Awaited<typeof accepting>;\n    if (accepted.kind === 'conflict') {",
      },
    ],
    caughtBy: {
      file: 'test/api/refusals.test.ts',
      name: '503 with Retry-After within the limit, and 200 once it can again',
    },
    says: /200 !== 503/,
  },
  {
    name: 'no dedupe',
    edits: [
      {
        file: 'store/inbox.ts',
        find: 'ON CONFLICT (id) DO NOTHING\n      RETURNING',
        replace: 'ON CONFLICT (id) DO UPDATE SET received_at = EXCLUDED.received_at\n      RETURNING',
      },
    ],
    caughtBy: { file: 'test/store/inbox.test.ts', name: 'tells a repeat, and whether it was handed over' },
    says: /kind: 'stored'/,
  },
  {
    name: 'no claim',
    edits: [
      {
        file: 'store/claims.ts',
        find: 'WHERE p.id = b.id AND b.free AND b.outcome IS NULL',
        replace: 'WHERE p.id = b.id AND b.outcome IS NULL',
      },
    ],
    caughtBy: {
      file: 'test/activities/checkpoints.test.ts',
      name: 'leaves Talkdesk to the attempt that is at work',
    },
    says: /2 !== 1/,
  },
  {
    name: 'read-then-write instead of conditional update',
    edits: [
      {
        file: 'store/outcomes.ts',
        find: 'const [ended] = await database.query<{ app_id: string; account_id: string; outrun: boolean }>(\n        outcomeStatement(options),\n      );',
        replace:
          'const [before] = await database.query<{ outcome: string | null }>(\n        Prisma.sql`SELECT outcome FROM process WHERE id = ${options.processId}`,\n      );\n      const [ended] =\n        before?.outcome === null\n          ? await database.query<{ app_id: string; account_id: string; outrun: boolean }>(outcomeStatement(options))\n          : [];',
      },
      {
        file: 'store/outcomes.ts',
        find: 'WHERE p.id = ${processId} AND p.outcome IS NULL',
        replace: 'WHERE p.id = ${processId}',
      },
    ],
    caughtBy: { file: 'test/store/outcomes.test.ts', name: 'is one of two that race' },
    says: /(?<!\d)\d !== 10/,
  },
  {
    name: 'retries in the HTTP client',
    edits: [
      {
        file: 'talkdesk/http.ts',
        find: 'const response = await exchange(request, correlationId, cutOff.signal);',
        replace:
          'const once = () => exchange(request, correlationId, cutOff.signal);\n        const response = await once().catch(once);',
      },
    ],
    caughtBy: { file: 'test/talkdesk/http.test.ts', name: 'is not made again: it may have had its effect' },
    says: /2 !== 1/,
  },
  {
    name: 'unlimited Retry-After',
    edits: [
      {
        file: 'talkdesk/failures.ts',
        find: 'Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS)',
        replace: 'Math.max(waitMs, 0)',
      },
    ],
    caughtBy: { file: 'test/talkdesk/failures.test.ts', name: 'too many seconds' },
    says: /actual: 86400000/,
  },
];
