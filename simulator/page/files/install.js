/** The form that installs an app for an account. */
import { onSubmit } from './act.js';
import { call } from './api.js';
import { readUsers, wholeNumber } from './chosen.js';
import { choices } from './choices.js';
import { byId, setOptions } from './dom.js';

export function setUpInstall(page) {
  const form = byId('install-form');
  void choices().then(({ regions, key_algorithms: algorithms }) => {
    setOptions(
      form.elements.region,
      regions.map((name) => [name]),
    );
    setOptions(
      form.elements.key_algorithm,
      algorithms.map((name) => [name]),
    );
  });

  onSubmit(form, byId('install-result'), async ({ users, plan, type, licenses, ...fields }) => {
    if (fields.app_id === undefined) throw new Error('Register an app first: its id and the URL of your webhook.');
    const wantedPlan = {
      ...(plan && { name: plan }),
      ...(type && { type }),
      ...(licenses && { licenses: wholeNumber('Licenses', licenses) }),
    };
    const made = await call('POST', '/installations', {
      ...fields,
      ...(users && { users: readUsers(users) }),
      ...(Object.keys(wantedPlan).length > 0 && { plan: wantedPlan }),
    });
    // The next one is another account's.
    form.elements.account_name.value = '';
    page.choose(made.installation_id);
    return `app.installed is on its way for ${made.account_name}.`;
  });

  return {
    show({ apps }) {
      byId('no-app').hidden = apps.length > 0;
      setOptions(
        form.elements.app_id,
        apps.map(({ app_id: id }) => [id]),
      );
    },
  };
}
