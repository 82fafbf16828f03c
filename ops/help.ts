import type { CommandName } from './arguments.js';

const SETTINGS = `Temporal is found by the service's own settings (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TASK_QUEUE, …, see .env.example).
Exit code 0: done; 1: refused, or it could not be done; 2: the command was not understood.`;

const APP = `  --app APP            id of the app; may be left out when APPS_FILE names one app only`;

const HELP: Record<CommandName, string> = {
  decide: `Usage: npm run lifecycle -- decide --account ACCOUNT --approve|--reject [options]

Answers an installation or update that waits for a person's decision. A decision after its due time, for something that does not
wait, or a second one is refused.

  --account ACCOUNT    Talkdesk account id
  --approve, --reject  the decision
  --reason TEXT        goes to Talkdesk, and the customer may read it
  --process PROCESS    which process is meant; needed only when several of the account wait
  --by NAME            who decides, for the audit; default: the name of this user
${APP}

${SETTINGS}`,
  wake: `Usage: npm run lifecycle -- wake --account ACCOUNT [--app APP]

Tells the open run of an account to look at its inbox and to try again at once whatever waits: a parked process after its cause was
removed, or a product that is asked again later.

  --account ACCOUNT    Talkdesk account id
${APP}

${SETTINGS}`,
  rotate: `Usage: npm run lifecycle -- rotate --installation INSTALLATION

Asks Talkdesk for new credentials of an installation, such as after a leak. They come as an event app.credentials_rotated and replace
the old ones once they are proved.

  --installation INSTALLATION   Talkdesk installation id

${SETTINGS}`,
  lost: `Usage: npm run lifecycle -- lost --since TIME

After the database was restored from a backup: names the events that runs in Temporal have met since the backup and that the
tables do not have, one a line, and the runs that may have met more. Changes nothing. What to do then is in docs/restore.md.

  --since TIME   when the backup was made, or somewhat earlier, with its zone: 2031-05-06T07:08:09Z

The database is the one of DATABASE_URL; only ids are read from it.
${SETTINGS}`,
};

const ALL = `Usage: npm run lifecycle -- COMMAND [options]

  decide   approve or reject what waits for a person's decision
  wake     let an account's run try again at once
  rotate   ask Talkdesk for new credentials of an installation
  lost     name what a restored database does not have

COMMAND --help says more.

${SETTINGS}`;

/** The help of a command, or of all of them. */
export function helpOf(command: CommandName | null): string {
  return command === null ? ALL : HELP[command];
}
