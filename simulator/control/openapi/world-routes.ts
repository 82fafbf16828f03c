import * as schemas from '../schemas.js';
import { switchesSchema } from '../../world/switches.js';
import * as answers from './answers.js';
import type { Descriptions } from './description.js';
import { madeAnswer, rotatedAnswer, secretsAnswer } from './event-answers.js';

const made = { status: 201, answer: madeAnswer } as const;

/** Apps, accounts, installations and what happens to them. */
export const worldRoutes: Descriptions = {
  'GET /health': { summary: 'Whether it is up, and where', status: 200, answer: answers.healthAnswer },
  'GET /apps': { summary: 'The apps that are registered', status: 200, answer: answers.appsAnswer },
  'PUT /apps/{app_id}': {
    summary: 'Register an app, or change it',
    details:
      'Another version_name than before is another app version. Installations keep the scopes they were made with.',
    body: schemas.appSchema,
    status: 200,
    answer: answers.appAnswer,
  },
  'POST /installations': {
    summary: 'Install an app: app.installed',
    details: 'A known installation_id is installed again under it: new credentials, and the old ones are dead.',
    body: schemas.installationSchema,
    status: 201,
    answer: answers.createdAnswer,
  },
  'GET /installations': { summary: 'Every installation', status: 200, answer: answers.installationsAnswer },
  'GET /installations/{installation_id}': {
    summary: 'An installation and everything that happened to it',
    status: 200,
    answer: answers.installationAnswer,
  },
  'GET /installations/{installation_id}/settings': {
    summary: 'Users and plan in force, and those that an update waits for',
    status: 200,
    answer: answers.settingsAnswer,
  },
  'POST /installations/{installation_id}/update': {
    summary: 'Change users or plan: app.updated',
    details: 'What is left out stays as it is.',
    body: schemas.updateSchema,
    ...made,
  },
  'POST /installations/{installation_id}/uninstall': {
    summary: 'Uninstall: app.uninstalled',
    details: 'A reason of null leaves it out of the event.',
    body: schemas.uninstallSchema,
    ...made,
  },
  'POST /installations/{installation_id}/rotate': {
    summary: 'Rotate the credentials: app.credentials_rotated',
    details:
      'routine: the old ones work until the acknowledgement, seven days at most; compromised: they are dead at once.',
    body: schemas.rotateSchema,
    status: 201,
    answer: rotatedAnswer,
  },
  'POST /installations/{installation_id}/trial/start': {
    summary: 'Start a trial: app.trial_started',
    details: 'Of thirty days unless said. A first approval on a trial plan does it by itself.',
    body: schemas.trialExpirySchema,
    ...made,
  },
  'POST /installations/{installation_id}/trial/extend': {
    summary: 'Extend the trial: app.trial_extended',
    details: 'By fourteen days unless said.',
    body: schemas.trialExpirySchema,
    ...made,
  },
  'POST /installations/{installation_id}/trial/end': {
    summary: 'End the trial: app.trial_ended',
    details: 'Expired unless said. The clock, an upgrade and an uninstallation do it by themselves.',
    body: schemas.trialEndSchema,
    ...made,
  },
  'POST /installations/{installation_id}/logout': {
    summary: 'Log a user out: user.logout',
    details: 'The installing admin unless said.',
    body: schemas.logoutSchema,
    ...made,
  },
  'POST /installations/{installation_id}/events': {
    summary: 'An event of any type, in the usual envelope',
    details: 'It changes nothing about the installation.',
    body: schemas.otherEventSchema,
    ...made,
  },
  'GET /accounts': { summary: 'The accounts', status: 200, answer: answers.accountsAnswer },
  'GET /accounts/{account_id}': { summary: 'An account', status: 200, answer: answers.accountAnswer },
  'GET /accounts/{account_id}/users': {
    summary: 'Everybody of an account who was ever licensed or named',
    status: 200,
    answer: answers.usersAnswer,
  },
  'PUT /accounts/{account_id}/ip-allow-list': {
    summary: 'Which addresses may call the API for an account',
    details: 'Up to a hundred IP addresses and networks; none: every address may. Others are answered 403.',
    body: schemas.ipAllowListSchema,
    status: 200,
    answer: answers.accountAnswer,
  },
  'PUT /accounts/{account_id}/users/{user_id}': {
    summary: 'Change a user everywhere, without an event',
    details: 'An unknown id makes a user who is not licensed yet.',
    body: schemas.userSchema,
    status: 200,
    answer: answers.userAnswer,
  },
  'GET /decisions': {
    summary: 'Every decision call that was understood',
    status: 200,
    answer: answers.decisionsAnswer,
  },
  'GET /switches': {
    summary: 'Which way it behaves where the contract is silent or contradicts itself',
    details: 'docs/simulator.md says what each means and where it comes from.',
    status: 200,
    answer: switchesSchema.required(),
  },
  'PATCH /switches': {
    summary: 'Change switches',
    details: 'Those that are not named stay.',
    body: switchesSchema,
    status: 200,
    answer: switchesSchema.required(),
  },
  'GET /secrets': {
    summary: 'Every secret that was ever given out or received',
    details: 'For tests that search for leaks.',
    status: 200,
    answer: secretsAnswer,
  },
};
