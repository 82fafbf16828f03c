/** The routes of Talkdesk's API that the simulator serves. */
export const routeNames = [
  'token',
  'account',
  'installation',
  'users',
  'subscription',
  'trial',
  'state',
  'credentials-state',
  'credentials-rotate',
  'signature-keys',
  'account-users',
  'account-user',
  'me',
] as const;
export type RouteName = (typeof routeNames)[number];
