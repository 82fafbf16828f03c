import { z } from 'zod';
import type {
  StateMeaning,
  TalkdeskAccount,
  TalkdeskInstallation,
  TalkdeskSubscription,
  TalkdeskUser,
} from './types.js';
import { cutText, idSchema, looseCount, looseId, looseList, looseText, parseTimestamp } from './values.js';

/** `GET /account` (talkdesk-api.md 5): every field is optional. */
export const accountSchema = z
  .object({ id: looseId, name: looseText, company_name: looseText, timezone: looseText })
  .transform(({ company_name: companyName, ...rest }): TalkdeskAccount => ({ ...rest, companyName }));

const STATE_MEANINGS: ReadonlyMap<string, StateMeaning> = new Map([
  ['approve', 'accepted'],
  ['completed', 'accepted'],
  ['reject', 'refused'],
  ['rejected', 'refused'],
  ['installing', 'waiting'],
  ['pending', 'waiting'],
  ['updating', 'waiting'],
  ['timeout', 'dead'],
  ['failed', 'dead'],
  ['suspended', 'suspended'],
  ['revoked', 'gone'],
  ['uninstalled', 'gone'],
]);

/** What a state word means to us (talkdesk-api.md 4.4, "Read a union"); words of any other kind are `unknown`. */
function meaningOfState(word: string): StateMeaning {
  return STATE_MEANINGS.get(word.trim().toLowerCase()) ?? 'unknown';
}

/** Longer than any documented word by far. */
const MAX_STATE_WORD_LENGTH = 100;
const stateWord = z.string().min(1).pipe(cutText(MAX_STATE_WORD_LENGTH));
const stateSchema = z.object({ state: stateWord, updated_at: z.unknown().optional() });
/** The installing admin, as an object or as a bare id (talkdesk-api.md 4.2). */
const creatorSchema = z
  .union([
    z.object({ id: idSchema, email: looseText, name: looseText }),
    idSchema.transform((id) => ({ id, email: null, name: null })),
  ])
  .nullable()
  .catch(null);

/** Which users Talkdesk assigns by itself. The page prints `roleid` for what its example calls `role_id` (talkdesk-api.md 4.2). */
const autoProvisionFilter = z
  .object({ filter: idSchema, match: looseText })
  .transform(({ filter, match }) => ({ filter: filter === 'roleid' ? 'role_id' : filter, match }));

/** `GET …/installations/{id}` (talkdesk-api.md 4.2). Only the state must be there: it is what the call is for. */
export const installationSchema = z
  .object({
    id: looseId,
    account_id: looseId,
    scopes: looseList(idSchema),
    auto_provision_filters: looseList(autoProvisionFilter),
    total_licenses: looseCount,
    created_by: creatorSchema,
    state: z.unknown().optional(),
    _embedded: z
      .object({ created_by: creatorSchema, state: z.unknown().optional() })
      .catch({ created_by: null, state: undefined }),
  })
  .transform((read, context): TalkdeskInstallation => {
    const state = readState(read._embedded.state) ?? readState(read.state);
    if (state === null) {
      context.addIssue({ code: 'custom', message: 'no state' });
      return z.NEVER;
    }
    return {
      id: read.id,
      accountId: read.account_id,
      stateWord: state.word,
      state: meaningOfState(state.word),
      stateUpdatedAt: state.updatedAt,
      scopes: read.scopes,
      totalLicenses: read.total_licenses,
      autoProvisionFilters: read.auto_provision_filters,
      createdBy: read._embedded.created_by ?? read.created_by,
    };
  });

/** The kind of plan in any case of letters; null for every other word. */
const planType = z
  .string()
  .transform((word) => word.trim().toLowerCase())
  .pipe(z.enum(['trial', 'paid']))
  .nullable()
  .catch(null);

/** `GET …/subscription` (talkdesk-api.md 4.3). */
export const subscriptionSchema = z
  .object({ id: looseId, type: planType, license_type: looseText, name: looseText, total_licenses: looseCount })
  .transform(
    ({ license_type: licenseType, total_licenses: totalLicenses, ...rest }): TalkdeskSubscription => ({
      ...rest,
      licenseType,
      totalLicenses,
    }),
  );

const userSchema = z.object({
  id: idSchema,
  email: looseText,
  name: looseText,
  active: z.boolean().nullable().catch(null),
});

const embeddedUsers = z
  .object({ users: z.array(z.unknown()) })
  .optional()
  .catch(undefined);

/** One page of users (talkdesk-api.md 4.3, 6). */
export interface UsersPage {
  users: TalkdeskUser[];
  /** Entries without a usable id. */
  unusable: number;
  total: number | null;
  page: number | null;
  perPage: number | null;
  totalPages: number | null;
  nextHref: string | null;
}

/** Reads a page. The misspelt `_embdedded` of a published example is a fallback; a page without a list of users is no page. */
export const usersPageSchema = z
  .object({
    _embedded: embeddedUsers,
    _embdedded: embeddedUsers,
    total: looseCount,
    page: looseCount,
    per_page: looseCount,
    total_pages: looseCount,
    _links: z
      .object({
        next: z
          .object({ href: z.string().min(1) })
          .optional()
          .catch(undefined),
      })
      .catch({}),
  })
  .transform((read, context): UsersPage => {
    const entries = (read._embedded ?? read._embdedded)?.users;
    if (entries === undefined) {
      context.addIssue({ code: 'custom', message: 'no users' });
      return z.NEVER;
    }
    const users = entries.flatMap((entry) => userSchema.safeParse(entry).data ?? []);
    return {
      users,
      unusable: entries.length - users.length,
      total: read.total,
      page: read.page,
      perPage: read.per_page,
      totalPages: read.total_pages,
      nextHref: read._links.next?.href ?? null,
    };
  });

function readState(value: unknown): { word: string; updatedAt: Date | null } | null {
  const bare = stateWord.safeParse(value);
  if (bare.success) return { word: bare.data, updatedAt: null };
  const parsed = stateSchema.safeParse(value);
  return parsed.success ? { word: parsed.data.state, updatedAt: parseTimestamp(parsed.data.updated_at) } : null;
}
