/** What Talkdesk asks of a partner, and where it says so (talkdesk-api.md 8; the last one's pages: 1.2, 1.5, 7.5). */
export interface Requirement {
  readonly id: RequirementId;
  readonly words: string;
  /** Pages of docs.talkdesk.com. */
  readonly pages: readonly string[];
  /** What the scenarios show of it when they pass, where that is not all of it. */
  readonly shown?: string;
}

export type RequirementId =
  | 'lifecycle-events'
  | 'automated-install'
  | 'near-real-time'
  | 'all-regions'
  | 'signed-jwt'
  | 'trial'
  | 'single-sign-out'
  | 'expired-tokens'
  | 'technical-certification';

/** The requirements that the scenarios evidence, in the order of the report. */
export const requirements: readonly Requirement[] = [
  {
    id: 'lifecycle-events',
    words: 'Handle all lifecycle events',
    pages: ['docs/app-requirements', 'docs/app-lifecycle', 'reference/appcredentials_rotated'],
  },
  {
    id: 'automated-install',
    words: 'One-click automated install with account and user provisioning',
    pages: ['docs/app-requirements'],
    shown:
      'installs without a person, and reads users and plan; what the product then holds no request over HTTP shows',
  },
  { id: 'near-real-time', words: 'Install and update near real time', pages: ['docs/app-requirements'] },
  {
    id: 'all-regions',
    words: 'Work in all regions',
    pages: ['docs/app-requirements', 'docs/how-to-guarantee-your-app-works-in-all-regions'],
  },
  {
    id: 'signed-jwt',
    words: 'Signed JWT is mandatory to be listed',
    pages: ['docs/signed-jwt', 'reference/cc-basic'],
  },
  {
    id: 'trial',
    words: 'Self-service 30-day trial',
    pages: ['docs/app-requirements'],
    shown: 'acknowledges the trial events; the rest no request over HTTP shows',
  },
  {
    id: 'single-sign-out',
    words: 'SSO and single sign-out',
    pages: ['docs/app-requirements', 'reference/userlogout'],
    shown: 'acknowledges user.logout; the login, and that the session ends, no request over HTTP shows',
  },
  {
    id: 'expired-tokens',
    words: 'Expired tokens invisible to users',
    pages: ['docs/app-requirements'],
    shown: 'goes on working across tokens and credentials; what a user sees no request over HTTP shows',
  },
  {
    id: 'technical-certification',
    words: 'Certification is marketplace and technical; listing only after approval',
    pages: ['docs/app-requirements', 'docs/appconnect-marketplace', 'docs/guides'],
    shown: "behaves over HTTP as a test of the technical part would ask; the certification is Talkdesk's own",
  },
];

/** What Talkdesk asks besides, and no request over HTTP can show. */
export const notJudged: readonly string[] = [
  'SSO: the login itself, its error page and the contact on it (docs/single-sign-on, docs/authenticating-users)',
  'Useful first screen, mail to the user about success and failure, onboarding help (docs/app-requirements)',
  'Pay-as-you-go billing (docs/app-requirements)',
  'Roles: the installing admin is the sole admin by default (docs/managing-trials-and-user-roles)',
  'Old callback URLs kept alive until every customer has upgraded (docs/app-lifecycle)',
];
